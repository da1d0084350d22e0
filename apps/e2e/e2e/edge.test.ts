import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Backend } from "../src/backend.ts";
import { H2Client } from "../src/h2.ts";
import { openFiles } from "../src/listening-ports.ts";
import { root } from "../src/process.ts";
import { RunningProxy, TempDir } from "../src/proxy.ts";
import { ask, sendRaw } from "../src/raw-http.ts";
import { weft } from "../src/weft.ts";

const dir = new TempDir();

let backend: Backend;
let proxy: RunningProxy;
let files = 0;

beforeAll(async () => {
  backend = await Backend.start();
  const to = `/svc/* => /$/inet/127.1/${backend.port}`;
  const config = `
admin: { port: 0 }
routers:
- protocol: http
  label: edge
  profile: edge
  dtab: ${to}
  servers: [{ port: 0 }, { port: 0, ip: 127.0.0.2, profile: default }]
- protocol: http
  label: inner
  allowInetFromOverride: false
  dtab: ${to} ; /svc/pinned => /$/inet/127.1/${backend.port} ; /open => /$/inet
  servers: [{ port: 0, ip: 127.0.0.3 }]
- protocol: http
  label: remote
  allowLocalFromOverride: false
  dtab: ${to}
  servers: [{ port: 0, ip: 127.0.0.4 }]
- protocol: h2
  label: edge2
  profile: edge
  dtab: ${to}
  client: { protocol: http1 }
  servers: [{ port: 0, ip: 127.0.0.6 }]
- protocol: http
  label: both
  profile: edge
  dtab: ${to}
  servers: [{ port: 0, ip: 127.0.0.7, protocols: [http1, h2] }]
- protocol: http
  label: plain
  dtab: ${to}
  servers: [{ port: 0, ip: 127.0.0.5 }]
`;
  proxy = await RunningProxy.start(config, { maxHeapMb: 256 });
  for (const label of ["edge", "edge2", "both", "inner", "remote", "plain"]) await ask({ to: proxy.at(label) });
  files = openFiles(proxy.program.pid);
});

afterAll(async () => {
  await proxy?.stop();
  await backend?.stop();
  dir.remove();
});

/** After each hostile case: alive, a good request answered, descriptors and gauges where they were. */
afterEach(async () => {
  expect(proxy.program.running).toBe(true);
  expect(proxy.program.output).not.toMatch(/unhandled|uncaught/i);
  expect((await ask({ to: proxy.at("plain") })).status).toBe(200);
  await vi.waitFor(
    async () => {
      expect(openFiles(proxy.program.pid)).toBeLessThanOrEqual(files + 8);
      const metrics = await proxy.metrics();
      const gauges = Object.entries(metrics).filter(([name]) =>
        /^rt\/[^/]+\/server\/.*\/(connections|pending)$/.test(name),
      );
      expect(gauges.length).toBeGreaterThanOrEqual(4);
      expect(gauges.filter(([, value]) => value !== 0)).toEqual([]);
    },
    { timeout: 10_000, interval: 100 },
  );
});

const last = () => backend.received.at(-1)?.headers ?? {};
const overridden = (label: string, dst: string, name = "l5d-dtab") =>
  ask({ to: proxy.at(label), host: "x", headers: { [name]: `/svc/x => ${dst}` } });

describe("delegations of a request", () => {
  const targets = [
    "/$/inet/169.254.169.254/80",
    "/$/inet/127.0.0.1/ADMIN",
    "/$/inet/0/22",
    "/$/inet/22",
    "/$/inet/\\x5b::ffff:127.0.0.1\\x5d/80",
    "/$/inet/::ffff:7f00:1/80",
    "/$/inet/\\x5b::1\\x5d/80",
    "/$/inet/2130706433/ADMIN",
    "/$/inet/0177.0.0.1/ADMIN",
    "/$/inet/0x7f.1/ADMIN",
    "/$/inet/127.1/ADMIN",
    "/$/inet/localhost/ADMIN",
    "/$/io.buoyant.rinet/ADMIN/127.0.0.1",
    "/$/io.buoyant.hostportPfx/open/127.0.0.1:ADMIN",
    "/$/io.buoyant.http.anyHostPfx/$/x/inet/127.1/ADMIN",
    "/open/127.0.0.1/ADMIN",
    "/nothing | /$/inet/127.0.0.1/ADMIN",
    "1 * /$/inet/127.0.0.1/ADMIN & 1 * /$/inet/127.1/ADMIN",
  ];

  it("C13: lead to no address of their own where allowInetFromOverride is false, in any spelling", async () => {
    for (const target of targets) {
      const dst = target.replaceAll("ADMIN", String(proxy.adminPort));
      for (const header of ["l5d-dtab", "l5d-ctx-dtab", "L5D-Dtab"]) {
        const answer = await overridden("inner", dst, header);
        expect([dst, answer.status, answer.body.includes("pong")]).toEqual([dst, 400, false]);
        expect(String(answer.headers["l5d-err"])).toContain("allowInetFromOverride");
      }
    }
    // Brackets are no characters of a name, unless they are written so.
    expect((await overridden("inner", "/$/inet/[::1]/80")).status).toBe(400);
  });

  it("C13: lead to the admin server where nothing forbids it, as with Linkerd", async () => {
    const answer = await ask({
      to: proxy.at("plain"),
      host: "x",
      path: "/admin/ping",
      headers: { "l5d-dtab": `/svc/x => /$/inet/127.0.0.1/${proxy.adminPort} ; /host => /nowhere` },
    });
    // The Host of the request is none of the admin server's: its own guard refuses.
    expect([answer.status, answer.headers["l5d-err"]]).toEqual([403, undefined]);
  });

  it("C13: still lead to names of the router's own rules", async () => {
    const asked = backend.received.length;
    for (const dst of ["/svc/pinned", "/svc/other"]) expect((await overridden("inner", dst)).status).toBe(200);
    const unused = { "l5d-dtab": "/svc/another => /$/inet/127.1/1" };
    expect((await ask({ to: proxy.at("inner"), headers: unused })).status).toBe(200);
    expect(backend.received.length).toBe(asked + 3);
  });

  it("C14: lead to no name that resolves to this host or its link where allowLocalFromOverride is false", async () => {
    const names = ["localhost", "LOCALHOST", "localhost.", "127.1", "0", "::1", "169.254.169.254", "fe80::1"];
    for (const host of names) {
      const answer = await overridden("remote", `/$/inet/${host}/${proxy.adminPort}`);
      expect([host, answer.status]).toEqual([host, 400]);
      expect(String(answer.headers["l5d-err"])).toContain("allowLocalFromOverride");
    }
    const metrics = await proxy.metrics();
    const connects = Object.entries(metrics).filter(([name]) => /^rt\/remote\/client\/%.*\/connects$/.test(name));
    expect(connects.filter(([, value]) => value !== 0)).toEqual([]);
    // The same address by the router's own rules is as good as ever, and is no way around.
    expect((await ask({ to: proxy.at("remote"), host: "x" })).status).toBe(200);
    expect((await overridden("remote", `/$/inet/127.1/${backend.port}`)).status).toBe(400);
    expect((await overridden("remote", "/$/io.buoyant.http.status/418")).status).toBe(418);
  });
});

describe("the profile edge", () => {
  const sampled = Buffer.alloc(32, 7);
  sampled.writeBigUInt64BE(6n, 24);
  const forced = { "l5d-sample": "1", "L5D-Ctx-Trace": sampled.toString("base64") };

  it("C23: takes no order to trace from a client", async () => {
    await ask({ to: proxy.at("plain"), headers: forced });
    const believed = Buffer.from(String(last()["l5d-ctx-trace"]), "base64");
    expect(believed.readBigUInt64BE(24)).toBe(6n);
    expect(believed.subarray(16, 24)).toEqual(sampled.subarray(16, 24));
    await ask({ to: proxy.at("edge"), headers: forced });
    const own = Buffer.from(String(last()["l5d-ctx-trace"]), "base64");
    expect(own.readBigUInt64BE(24)).toBe(0n);
    expect(own.subarray(16, 24)).not.toEqual(sampled.subarray(16, 24));
    expect(last()).not.toHaveProperty("l5d-sample");
  });

  it("refuses header names with a _, which an application may take for a -", async () => {
    const asked = backend.received.length;
    const request = (name: string) => `GET / HTTP/1.1\r\nHost: web\r\n${name}: 1\r\nConnection: close\r\n\r\n`;
    for (const name of ["x_forwarded_for", "L5d_Dtab", "_", "a_", "content_length"]) {
      expect([name, (await sendRaw(proxy.at("edge"), request(name))).slice(0, 12)]).toEqual([name, "HTTP/1.1 400"]);
    }
    const trailer = "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na_b: 1\r\n\r\n";
    expect((await sendRaw(proxy.at("edge"), trailer)).slice(0, 12)).toBe("HTTP/1.1 400");
    expect(backend.received.length).toBe(asked);
    expect((await sendRaw(proxy.at("plain"), request("a_b"))).slice(0, 12)).toBe("HTTP/1.1 200");
    expect((await sendRaw(proxy.at("edge", 1), request("a_b"))).slice(0, 12)).toBe("HTTP/1.1 200");
    // In a value or a target it is as good as any other character.
    const elsewhere = "GET /a_b HTTP/1.1\r\nHost: web\r\nx-a: b_c\r\nConnection: close\r\n\r\n";
    expect((await sendRaw(proxy.at("edge"), elsewhere)).slice(0, 12)).toBe("HTTP/1.1 200");
  });

  it.each(["edge2", "both"])("refuses them over HTTP/2 too: %s", async (label) => {
    const client = await H2Client.connect(proxy.at(label));
    try {
      const asked = backend.received.length;
      for (const name of ["x_forwarded_for", "l5d_dtab", "a_"]) {
        expect([name, (await client.ask({ [name]: "1" })).status]).toEqual([name, 400]);
      }
      expect(backend.received.length).toBe(asked);
      expect((await client.ask({ "x-a": "b_c", ":path": "/a_b" })).status).toBe(200);
    } finally {
      client.close();
    }
  });

  it("A54: takes 100 header fields over HTTP/2 on such a port, and answers 431 to one more", async () => {
    const client = await H2Client.connect(proxy.at("both"));
    try {
      const fields = (count: number) =>
        client.ask(Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, "1"])));
      expect([(await fields(100)).status, (await fields(101)).status]).toEqual([200, 431]);
    } finally {
      client.close();
    }
  });

  it("A54: takes 100 header lines and answers 431 to one more", async () => {
    const request = (lines: number) =>
      `GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n${"a: b\r\n".repeat(lines - 2)}\r\n`;
    expect((await sendRaw(proxy.at("edge"), request(100))).slice(0, 12)).toBe("HTTP/1.1 200");
    expect((await sendRaw(proxy.at("edge"), request(101))).slice(0, 12)).toBe("HTTP/1.1 431");
    expect((await sendRaw(proxy.at("edge", 1), request(101))).slice(0, 12)).toBe("HTTP/1.1 200");
  });

  it("is for h2 routers too: fewer streams, shorter header lists, and nothing that a client says of itself", async () => {
    const client = await H2Client.connect(proxy.at("edge2"));
    try {
      const said = { "x-forwarded-for": "10.0.0.1", "l5d-dtab": "/svc => /$/inet/127.1/1", "x-real-ip": "10.0.0.1" };
      expect((await client.ask(said)).status).toBe(200);
      expect(Object.keys(last()).filter((name) => name in said)).toEqual([]);
      const { maxConcurrentStreams, maxHeaderListSize, initialWindowSize } = client.session.remoteSettings;
      expect([maxConcurrentStreams, maxHeaderListSize, initialWindowSize]).toEqual([100, 8_192, 65_536]);
      expect((await client.ask({ "x-long": "a".repeat(7_000) })).status).toBe(200);
      expect((await client.ask({ "x-long": "a".repeat(9_000) })).status).toBe(431);
    } finally {
      client.close();
    }
  });

  it("C1: passes nothing on of what a client says about itself or the way that its request came", async () => {
    const claims = {
      Forwarded: "for=10.0.0.1",
      "X-Forwarded-For": ["10.0.0.1", "10.0.0.2"],
      "x-forwarded-proto": "https",
      "X-FORWARDED-CLIENT-CERT": "Hash=1",
      "x-real-ip": "10.0.0.1",
      "x-original-url": "/admin",
      "l5d-dtab": "/svc => /$/inet/127.1/1",
      "L5D-Ctx-Dtab": "/svc => /$/inet/127.1/1",
      "l5d-ctx-deadline": "1 2",
      "l5d-thing": "x",
      "dtab-local": "/a => /b",
    };
    expect((await ask({ to: proxy.at("edge"), headers: claims })).status).toBe(200);
    const names = Object.keys(last()).filter((name) => /^(l5d|x-|forwarded|dtab)/.test(name));
    expect(names.sort()).toEqual(["dtab-local", "l5d-ctx-trace", "l5d-dst-client", "l5d-dst-service", "l5d-reqid"]);
    await ask({
      to: proxy.at("edge", 1),
      headers: { ...claims, "l5d-dtab": "", "L5D-Ctx-Dtab": "", "l5d-ctx-deadline": "" },
    });
    expect(last()).toMatchObject({ forwarded: "for=10.0.0.1", "x-forwarded-proto": "https", "l5d-thing": "x" });
  });

  it("C7: tells a client nothing of ours, not even in an error", async () => {
    const answer = await ask({ to: proxy.at("edge"), host: "a/b" });
    expect(Object.keys(answer.headers).filter((name) => name.startsWith("l5d"))).toEqual([]);
    expect(answer.body).toBe("");
    const trace = {
      to: proxy.at("edge"),
      method: "TRACE",
      headers: { "l5d-add-context": "true", "max-forwards": "0" },
    };
    expect(await ask(trace)).toMatchObject({ status: 200, body: "" });
    expect((await ask({ ...trace, to: proxy.at("plain") })).body).toContain("/svc/web");
  });

  it("is told of by the admin server, with what the config says itself", async () => {
    const page = await fetch(`http://127.0.0.1:${proxy.adminPort}/profiles.json`);
    const uses = (await page.json()) as readonly {
      keyPath: string;
      profile: string;
      settings: readonly { keyPath: string; value: unknown; origin: string }[];
    }[];
    expect(uses.filter(({ keyPath }) => keyPath !== "").map(({ keyPath, profile }) => [keyPath, profile])).toEqual([
      ["routers[0]", "edge"],
      ["routers[0].servers[0]", "edge"],
      ["routers[3]", "edge"],
      ["routers[3].servers[0]", "edge"],
      ["routers[4]", "edge"],
      ["routers[4].servers[0]", "edge"],
    ]);
    const values = new Map(uses.flatMap(({ settings }) => settings).map((each) => [each.keyPath, each]));
    expect(values.get("routers[0].allowInetFromOverride")).toMatchObject({ value: false, origin: "profile edge" });
    expect(values.get("routers[0].servers[0].connectionBufferKB")).toMatchObject({ value: 32 });
    const config = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/config.json`)).text();
    expect(config).toContain('"profile":"edge"');
    expect(config).not.toContain("connectionBufferKB");
  });

  it("is explained by weft check, and a key that is given wins", async () => {
    const config = `
routers:
- protocol: http
  profile: edge
  allowInetFromOverride: true
  servers: [{ port: 4140, ip: 0.0.0.0, clearContext: false, serverSession: { lifeTimeMs: 5 } }]
`;
    const file = dir.write("edge.yaml", config);
    const { code, output } = await weft("check", file);
    expect(code).toBe(0);
    expect(output).toMatch(/profile edge of routers\[0\]\n/);
    expect(output).toMatch(/routers\[0\]\.allowInetFromOverride +true +\S*edge\.yaml:5:3\n/);
    expect(output).toMatch(/routers\[0\]\.allowLocalFromOverride +false +profile edge\n/);
    expect(output).toMatch(/servers\[0\]\.clearContext +false +\S*edge\.yaml:6:/);
    expect(output).toMatch(/servers\[0\]\.maxHeaderLines +100 +profile edge\n/);
    expect(output).toMatch(/servers\[0\]\.serverSession\.idleTimeMs +60000 +profile edge\n/);
    expect(output).toMatch(/warning: router http on 0\.0\.0\.0:4140 believes the l5d-dtab/);
    expect(output).toMatch(
      /warning: router http on 0\.0\.0\.0:4140 lets every client .*set allowInetFromOverride: false/,
    );
  });
});

describe("the guides", () => {
  const page = (name: string) => readFileSync(join(root, "docs/guide", name), "utf8");

  it("of http_proxy shows a config that forwards to any host and port that a client names", async () => {
    const config = /^```yaml\n([\s\S]*?)^```$/m.exec(page("http-proxy.md"))?.[1] ?? "";
    expect(config.split("\n").length).toBeLessThanOrEqual(6);
    const own = await RunningProxy.start(`admin: { port: 0 }\n${config.replace("4140", "0")}`);
    for (const host of [`127.0.0.1:${backend.port}`, `localhost:${backend.port}`]) {
      const answer = await sendRaw(
        own.at(),
        `GET http://${host}/far?a=b HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(backend.received.at(-1)).toMatchObject({ url: "/far?a=b", headers: { host } });
    }
    await own.stop();
  });

  it("of Kubernetes leads a name of two labels to a service of the cluster, and an address nowhere else", async () => {
    const manifest = readFileSync(join(root, "apps/proxy/deploy/kubernetes/daemonset.yaml"), "utf8");
    const block = /proxy\.yaml: \|\n((?: {4}.*\n)+)/.exec(manifest)?.[1] ?? "";
    const config = block.replace(/^ {4}/gm, "").replace("port: 9990", "port: 0").replace("port: 4140", "port: 0");
    const own = await RunningProxy.start(config);
    expect(own.program.output).not.toMatch(/^W .*believes/m);
    const dtab = /dtab: \|\n((?: {6}.*\n)+)/.exec(config)?.[1] ?? "";
    const explained = async (name: string): Promise<string> => {
      const query = new URLSearchParams({ namespace: "outgoing", dtab, path: `/svc/${name}` });
      return (await fetch(`http://127.0.0.1:${own.adminPort}/delegator.json?${query}`)).text();
    };
    expect(await explained("web.default")).toContain("/$/io.buoyant.rinet/80/web.default.svc.cluster.local");
    for (const name of ["169.254.169.254", "web", "127.0.0.1:9990", "localhost", "a.b.c", "evil.example.org"]) {
      const hosts = [...(await explained(name)).matchAll(/rinet\/80\/([^"/]*)/g)].map((match) => match[1]);
      expect([name, hosts.filter((host) => host?.endsWith(".svc.cluster.local") !== true)]).toEqual([name, []]);
    }
    await own.stop();
  });
});

describe("the admin server", () => {
  const security = (keys: string) => `
admin: { port: 0, httpIdentifierPort: 0, security: { ${keys} } }
routers: [{ protocol: http, dtab: /svc => /$/nil, servers: [{ port: 0 }] }]
`;
  const pages = {
    ui: ["/", "/config.json", "/admin/metrics.json", "/delegator.json?path=/svc&dtab="],
    control: ["/logging.json"],
    diagnostics: [
      "/admin/ping",
      "/admin/server_info",
      "/client_state.json",
      "/bound-names.json",
      "/admin/stacks.json",
      "/profiles.json",
      "/admin/index.txt",
    ],
  };

  async function answered(keys: string): Promise<Record<string, readonly number[]>> {
    const own = await RunningProxy.start(security(keys));
    const get = async (path: string) => (await fetch(`http://127.0.0.1:${own.adminPort}${path}`)).status;
    const found: Record<string, number[]> = {};
    for (const [category, paths] of Object.entries(pages)) {
      found[category] = [...new Set(await Promise.all(paths.map(get)))];
    }
    await own.stop();
    return found;
  }

  it("D4: has the pages of each category only where its flag is set, and lists have the last word", async () => {
    const [none, lists] = await Promise.all([
      answered("uiEnabled: false, controlEnabled: false, diagnosticsEnabled: true"),
      answered(
        "uiEnabled: true, controlEnabled: false, diagnosticsEnabled: false, pathWhitelist: [/logging.*, /admin/ping], pathBlacklist: ['/config[.]json', /admin/ping]",
      ),
    ]);
    expect(none).toEqual({ ui: [404], control: [404], diagnostics: [200] });
    expect(lists).toEqual({ ui: [200, 404], control: [200], diagnostics: [404] });
  });

  it("D13: takes a delegation only as JSON, and a level or grace only as a form or in the query", async () => {
    const post = (path: string, type: string, body: string) =>
      fetch(`http://127.0.0.1:${proxy.adminPort}${path}`, { method: "POST", headers: { "content-type": type }, body });
    const asked = JSON.stringify({ dtab: "", path: "/svc/web", namespace: "plain" });
    expect((await post("/delegator.json", "application/json", asked)).status).toBe(200);
    expect((await post("/delegator.json", "application/json; charset=utf-8", asked)).status).toBe(200);
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "application/jsonp",
    ]) {
      expect([type, (await post("/delegator.json", type, asked)).status]).toEqual([type, 415]);
    }
    expect((await post("/logging.json", "application/json", '{"logger":"root","level":"DEBUG"}')).status).toBe(400);
  });

  it("D15: serves no page that another may frame, or that could run a script", async () => {
    const own = `http://127.0.0.1:${proxy.adminPort}`;
    const paths = (await (await fetch(`${own}/admin/index.txt`)).text()).trim().split("\n");
    expect(paths.length).toBeGreaterThan(10);
    for (const path of paths.filter((each) => each !== "/admin/shutdown")) {
      const answer = await fetch(`${own}${path}`);
      const header = (name: string) => answer.headers.get(name);
      const body = await answer.text();
      expect([path, header("x-frame-options"), header("x-content-type-options")]).toEqual([path, "DENY", "nosniff"]);
      if (!(header("content-type") ?? "").startsWith("text/html")) continue;
      expect(header("content-security-policy")).toContain("default-src 'none'");
      expect(header("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(body).not.toMatch(/<script|\son[a-z]+\s*=|javascript:/i);
    }
  });
});
