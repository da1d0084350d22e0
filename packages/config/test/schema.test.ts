import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  type ClientConfig,
  ConfigError,
  Directory,
  LogLevel,
  type RouterConfig,
  readConfig,
  readWith,
  ServerIp,
  unsupportedFeatures,
} from "../src/index.ts";
import { backoffSchema } from "../src/schema/backoff.ts";
import { retryBudgetSchema } from "../src/schema/retry-budget.ts";
import { clientTlsSchema } from "../src/schema/tls.ts";
import { sampleRegistry } from "./sample-registry.ts";

function lines(text: string): string[] {
  return failures(() => readConfig(text, "s", sampleRegistry));
}

function failures(read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map(({ keyPath, message }) => `${keyPath}: ${message}`);
    throw error;
  }
}

const router = (keys: string) => `routers:\n- protocol: http\n  servers: [{}]\n  ${keys}\n`;
const client = (keys: string) => router(`client: {${keys}}`);

function clientOf(keys: string): ClientConfig | undefined {
  return readConfig(client(keys), "s", sampleRegistry).config.routers[0]?.config.client?.configs[0]?.config;
}

describe("the keys of a router", () => {
  it("have Linkerd's defaults", () => {
    const { config } = readConfig("routers:\n- protocol: http\n  servers: [{}]\n", "s", sampleRegistry);
    const [only] = config.routers;
    const given = only?.config as RouterConfig & { readonly identifier?: unknown };
    expect(only).toMatchObject({ label: "http", protocol: "http", kind: "http" });
    expect(given.dstPrefix.show).toBe("/svc");
    expect(given.dtab.entries).toEqual([]);
    expect(given.bindingTimeoutMs).toBe(10_000);
    expect(given.bindingCache).toEqual({ paths: 1000, trees: 1000, bounds: 1000, clients: 1000, idleTtlSecs: 600 });
    expect(given.servers[0]).toMatchObject({ port: 4140, ip: "127.0.0.1", clearContext: false, maxCallDepth: 1000 });
    expect(given.client).toBeUndefined();
    expect(given.interpreter).toBeUndefined();
    expect(config.admin).toMatchObject({ ip: "127.0.0.1", port: 9990, shutdownGraceMs: 10_000, workerThreads: 2 });
    expect(config.admin.security).toEqual({
      uiEnabled: true,
      controlEnabled: true,
      diagnosticsEnabled: true,
      pathWhitelist: [],
      pathBlacklist: [],
      allowedHosts: [],
    });
    expect(config).toMatchObject({ namers: [], telemetry: [], usage: { enabled: true }, plugins: [] });
  });

  it("take one identifier or a list", () => {
    const kinds = (keys: string) => {
      const [first] = readConfig(router(keys), "s", sampleRegistry).config.routers;
      return (first?.config as unknown as { identifier: { kind: string }[] } | undefined)?.identifier.map(
        ({ kind }) => kind,
      );
    };
    expect(kinds("identifier: {kind: io.l5d.path}")).toEqual(["io.l5d.path"]);
    expect(kinds("identifier: [{kind: io.l5d.path}, {kind: io.l5d.header.token}]")).toEqual([
      "io.l5d.path",
      "io.l5d.header.token",
    ]);
    expect(lines(router("identifier: []"))).toEqual([
      "routers[0].identifier: expected an object or a list of at least one; found an empty list",
    ]);
  });

  it("edit stacks by role", () => {
    const edits =
      "stack: {client: [{before: a, insert: {kind: com.example.audit}}, {remove: b}, {set: c, params: {ms: 3}}, {replace: d, with: {kind: com.example.audit, scope: x}}]}";
    const [first] = readConfig(router(edits), "s", sampleRegistry).config.routers;
    expect(first?.config.stack?.client).toMatchObject([
      { edit: "before", role: "a", module: { kind: "com.example.audit", config: { scope: "audit" } } },
      { edit: "remove", role: "b" },
      { edit: "set", role: "c", params: { ms: 3 } },
      { edit: "replace", role: "d", module: { config: { scope: "x" } } },
    ]);
    expect(lines(router("stack: {client: [{before: a, after: b}, {}, {before: a}]}"))).toEqual([
      "routers[0].stack.client[0].after: an edit has one of the keys before and after",
      "routers[0].stack.client[1]: expected an object with one of the keys before, after, replace, remove, set",
      "routers[0].stack.client[2].insert: missing; expected an object with a kind",
    ]);
  });
});

describe("what this build does not do", () => {
  it.each([
    ["transformers", router("interpreter: {kind: default, transformers: [{kind: io.l5d.localhost}]}")],
    ["router.announcers", router("announcers: [{kind: io.l5d.serversets, zkAddrs: [{host: a, port: 2181}]}]")],
  ])("refuses %s in one line", (what, text) => {
    const found = lines(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`: ${what.replaceAll(".", "\\.")} is not supported by this build yet$`));
  });

  it("accepts what asks for nothing", () => {
    const keys = [
      "loadBalancer: {kind: ewma, enableProbation: false}",
      "failFast: true",
      "failureAccrual: {kind: none}",
      "forwardClientCert: false",
      "requestAuthorizers: []",
    ].join(", ");
    expect(lines(client(keys))).toEqual([]);
    expect(
      lines(
        router(
          "interpreter: {kind: default, transformers: []}\n  announcers: []\n  originator: true\n  experimental: true",
        ),
      ),
    ).toEqual([]);
  });

  it("is checked in full all the same", () => {
    expect(lines(client("tls: {comonName: a}")).join("\n")).toMatch(
      /client\.tls\.comonName: unknown key; .*did you mean commonName\?/,
    );
    expect(lines(client("loadBalancer: {kind: aperture, lowLoad: x}"))).toEqual([
      'routers[0].client.loadBalancer.lowLoad: expected a number from 0; found the text "x"',
    ]);
    expect(lines(client("loadBalancer: {kind: aperature}"))[0]).toMatch(
      /unknown load balancer "aperature".*did you mean aperture\?/,
    );
  });

  it("is one table", () => {
    expect(new Set(unsupportedFeatures).size).toBe(unsupportedFeatures.length);
    expect(unsupportedFeatures).toContain("server.announce");
  });
});

describe("the keys of a client", () => {
  it("have no defaults of their own, and those inside them have", () => {
    expect(clientOf("requestAttemptTimeoutMs: 5")).toEqual({ requestAttemptTimeoutMs: 5 });
    expect(clientOf("loadBalancer: {kind: p2c}, hostConnectionPool: {maxSize: 3}")).toEqual({
      loadBalancer: { kind: "p2c", maxEffort: 5, enableProbation: false, panicThresholdPercent: 0 },
      hostConnectionPool: { minSize: 0, maxSize: 3 },
    });
    expect(clientOf("socketOptions: {}")).toEqual({
      socketOptions: { noDelay: true, reuseAddr: true, reusePort: false },
    });
  });

  it("I5: refuses balancers whose options conflict", () => {
    const balancer = (text: string) =>
      lines(client(`loadBalancer: {${text}}`)).map((line) => line.split(".").slice(3).join("."));
    expect(balancer("kind: aperture, lowLoad: 2, highLoad: 2")).toEqual([
      "highLoad: highLoad is not greater than lowLoad",
    ]);
    expect(balancer("kind: aperture, coordinate: {instanceId: 3, totalInstances: 3}")).toEqual([
      "coordinate.instanceId: instanceId is not less than totalInstances",
    ]);
    expect(balancer("kind: dev.weftmesh.maglev, key: {header: x}, tableSize: 65536")).toEqual([
      "tableSize: tableSize is no prime number",
    ]);
    expect(balancer("kind: dev.weftmesh.maglev, key: {header: x}, tableSize: 7")).toEqual([]);
    for (const key of ["{}", "{header: x, cookie: y}", "{path: false}"]) {
      expect(balancer(`kind: dev.weftmesh.ringHash, key: ${key}`)).toEqual([
        expect.stringContaining("exclude each other, and one of them says what is hashed"),
      ]);
    }
    expect(balancer("kind: dev.weftmesh.ringHash, key: [{cookie: sid}, {clientAddress: true}]")).toEqual([]);
  });

  it("have two shapes", () => {
    expect(lines(client("kind: io.l5d.static"))).toEqual([
      "routers[0].client.configs: missing; expected a list of objects with a prefix",
    ]);
    expect(lines(client("kind: io.l5d.static, configs: [{failFast: false}]"))[0]).toMatch(
      /client\.configs\[0\]\.prefix: missing; expected a path pattern/,
    );
    expect(lines(client("kind: io.l5d.statc"))[0]).toMatch(
      /unknown client "io.l5d.statc".*did you mean io.l5d.static\?/,
    );
    expect(lines(client("configs: []"))[0]).toMatch(/client\.configs: unknown key/);
  });

  it("I5: refuses options that conflict", () => {
    const tls = (text: string) => failures(() => readWith(clientTlsSchema(), text, "t"));
    expect(tls("disableValidation: true\nclientAuth: {certPath: a, keyPath: b}")).toEqual([
      "disableValidation: disableValidation: true is incompatible with clientAuth",
    ]);
    expect(tls("protocols: [TLSv1.2]")).toEqual([
      "commonName: tls is configured with validation but `commonName` is not set",
    ]);
    expect(tls("commonName: a\ntrustCerts: [b]\ntrustCertsBundle: c")).toEqual([
      "trustCerts: trustCerts and trustCertsBundle exclude each other",
    ]);
    expect(tls("enabled: false")).toEqual([]);
    expect(tls("commonName: a\ntrustCerts: []")).toEqual(["trustCerts: the list is empty"]);
    expect(tls("commonName: a\nprotocols: []")).toEqual(["protocols: the list is empty"]);
    expect(tls("commonName: a\nprotocols: [TLSv1.1, TLSv1.2]")).toEqual([
      "protocols[0]: TLSv1.1 can be broken, and is not spoken here; expected one of TLSv1.2, TLSv1.3",
    ]);
    expect(tls("commonName: a\nprotocols: [TLSv1.4]")[0]).toMatch(/^protocols\[0\]: not a version of TLS/);
    expect(lines(client('tls: {commonName: "{host}.example.org"}'))).toEqual([
      "routers[0].client.tls.commonName: commonName has {host}, and there is no prefix here to capture it",
    ]);
    const captured = (name: string) =>
      lines(client(`kind: io.l5d.static, configs: [{prefix: "/#/*/{host}", tls: {commonName: "${name}"}}]`));
    expect(captured("{host}.example.org")).toEqual([]);
    expect(captured("{hots}.example.org")).toEqual([
      "routers[0].client.configs[0].tls.commonName: commonName has {hots}, and the prefix /#/*/{host} captures none",
    ]);
    expect(lines(client("hostConnectionPool: {minSize: 4, maxSize: 3}"))).toEqual([
      "routers[0].client.hostConnectionPool.minSize: minSize is greater than maxSize",
    ]);
  });
});

describe("types", () => {
  it("a port is a bare integer", () => {
    for (const port of ['"4140"', "-1", "65536", "1.5", "0x10", "true", "null"]) {
      expect(lines(`routers: [{protocol: http, servers: [{port: ${port}}]}]`)[0], port).toMatch(
        /servers\[0\]\.port: expected a port/,
      );
    }
    expect(lines("routers: [{protocol: http, servers: [{port: 0}, {port: 65535}]}]")).toEqual([]);
  });

  it("an ip is a literal address", () => {
    for (const ip of ["127.0.0.1", "'::1'", "0.0.0.0"])
      expect(
        failures(() => readWith(ServerIp, `${ip}\n`, "t")),
        ip,
      ).toEqual([]);
    for (const ip of ["localhost", "127.1", "1.2.3.4.5", "'fe80::1%eth0'", "''"]) {
      expect(
        failures(() => readWith(ServerIp, `${ip}\n`, "t")),
        ip,
      ).toHaveLength(1);
    }
  });

  it("text may be a bare word, number or boolean, when nothing is lost", () => {
    expect(lines(router("label: 8080"))).toEqual([]);
    expect(readConfig(router("label: 8080"), "s", sampleRegistry).config.routers[0]?.label).toBe("8080");
    expect(readConfig(router("label: yes"), "s", sampleRegistry).config.routers[0]?.label).toBe("yes");
    expect(lines(router("label: 0080"))).toEqual([
      "routers[0].label: expected text; found a bare number that would be read as 80; put it in quotes",
    ]);
    expect(lines(router("label: [a]"))).toEqual(["routers[0].label: expected text; found a list"]);
  });

  it("a log level has any case, a directory must be there", () => {
    expect(readWith(LogLevel, "debug", "t")).toBe("DEBUG");
    expect(failures(() => readWith(LogLevel, "loud", "t"))).toEqual([
      ": not a log level; expected one of OFF, FATAL, CRITICAL, ERROR, WARNING, INFO, DEBUG, TRACE, ALL",
    ]);
    expect(readWith(Directory, ".", "t")).toBe(".");
    expect(failures(() => readWith(Directory, "./no-such-directory", "t"))[0]).toMatch(/there is no directory/);
    expect(failures(() => readWith(Directory, import.meta.filename, "t"))[0]).toMatch(/is not a directory/);
  });

  it("C28: an admin pattern that is wrong has its place in the line", () => {
    const text = `admin:\n  security:\n    pathBlacklist: ["/a", "/b(c"]\n${router("label: a")}`;
    expect(() => readConfig(text, "s", sampleRegistry)).toThrow(
      "s:3:30: admin.security.pathBlacklist[1]: a group that does not end at character 3 of the regular expression",
    );
  });

  it("a budget and a backoff have Linkerd's limits", () => {
    expect(readWith(retryBudgetSchema(), "ttlSecs: 1", "t")).toEqual({
      ttlSecs: 1,
      minRetriesPerSec: 10,
      percentCanRetry: 0.2,
    });
    for (const bad of ["ttlSecs: 61", "ttlSecs: 0", "minRetriesPerSec: -1", "percentCanRetry: 1001"]) {
      expect(
        failures(() => readWith(retryBudgetSchema(), bad, "t")),
        bad,
      ).toHaveLength(1);
    }
    expect(readWith(backoffSchema(), "kind: constant", "t")).toEqual({ kind: "constant", ms: 0 });
    expect(failures(() => readWith(backoffSchema(), "kind: jittered\nminMs: 1", "t"))).toEqual([
      expect.stringMatching(/^maxMs: missing/),
    ]);
    expect(failures(() => readWith(backoffSchema(), "kind: jittered\nminMs: 2\nmaxMs: 1", "t"))).toEqual([
      "maxMs: maxMs is less than minMs",
    ]);
  });

  it("unions of a plugin's author are explained", () => {
    const schema = z.strictObject({
      a: z.union([z.string(), z.int().min(3)]),
      b: z.discriminatedUnion("t", [z.strictObject({ t: z.literal("x"), n: z.number() })]),
    });
    expect(failures(() => readWith(schema, "a: [1]\nb: {t: y}\n", "t"))[0]).toBe(
      "a: expected text or an integer from 3; found a list",
    );
    expect(failures(() => readWith(schema, "a: x\nb: {t: x, n: 1, m: 2}\n", "t"))).toEqual([
      "b.m: unknown key; known keys: t, n",
    ]);
  });
});
