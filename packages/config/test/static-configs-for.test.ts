import { Path } from "@weftmesh/naming";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ClientConfig,
  clientConfigFor,
  readConfig,
  readWith,
  type StaticConfigs,
  staticConfigsFor,
} from "../src/index.ts";
import { clientKeys } from "../src/schema/client.ts";
import { staticConfigsSchema } from "../src/schema/static-configs.ts";
import { clientTlsSchema } from "../src/schema/tls.ts";
import { sampleRegistry } from "./sample-registry.ts";

const schema = staticConfigsSchema<ClientConfig>("client", { ...clientKeys(), tls: clientTlsSchema().optional() });
const read = (configs: object[]): StaticConfigs<ClientConfig> =>
  readWith(schema, JSON.stringify({ kind: "io.l5d.static", configs }), "t");

describe("staticConfigsFor", () => {
  it("takes every entry that matches, the later ones key by key", () => {
    const configs = read([
      { prefix: "/", requestAttemptTimeoutMs: 1000, loadBalancer: { kind: "ewma" } },
      { prefix: "/#/io.l5d.fs/cat", hostConnectionPool: { maxSize: 10, minSize: 2 } },
      { prefix: "/#/io.l5d.fs", requestAttemptTimeoutMs: 5, hostConnectionPool: { maxWaiters: 1 } },
      { prefix: "/#/io.l5d.fs/dog", failFast: false },
    ]);
    expect(staticConfigsFor(configs, Path.read("/#/io.l5d.fs/cat"))).toEqual({
      requestAttemptTimeoutMs: 5,
      loadBalancer: {
        kind: "ewma",
        maxEffort: 5,
        decayTimeMs: 10_000,
        failurePenaltyMs: 5000,
        enableProbation: false,
        panicThresholdPercent: 0,
      },
      hostConnectionPool: { minSize: 0, maxWaiters: 1 },
    });
    expect(staticConfigsFor(configs, Path.read("/$/inet/x/1"))).toMatchObject({ requestAttemptTimeoutMs: 1000 });
    expect(staticConfigsFor(undefined, Path.read("/x"))).toEqual({});
  });

  it("takes the inline keys for every name", () => {
    const text = "routers: [{protocol: http, servers: [{}], client: {requestAttemptTimeoutMs: 7}}]";
    const [router] = readConfig(text, "t", sampleRegistry).config.routers;
    expect(staticConfigsFor(router?.config.client, Path.read("/any"))).toEqual({ requestAttemptTimeoutMs: 7 });
  });

  it("puts what each prefix captured into the common name of its own entry", () => {
    const configs = read([
      { prefix: "/#/*/{service}", tls: { commonName: "{service}.example.org" } },
      { prefix: "/#/io.l5d.fs/{name}", requestAttemptTimeoutMs: 3 },
      { prefix: "/#/io.l5d.fs/plain", tls: { enabled: false } },
    ]);
    expect(clientConfigFor(configs, Path.read("/#/io.l5d.fs/cat"))).toMatchObject({
      tls: { commonName: "cat.example.org" },
      requestAttemptTimeoutMs: 3,
    });
    expect(clientConfigFor(configs, Path.read("/#/io.l5d.fs/plain")).tls).toEqual({
      enabled: false,
      disableValidation: false,
    });
    expect(clientConfigFor(configs, Path.read("/#/io.l5d.fs/$x")).tls?.commonName).toBe("$x.example.org");
  });

  it("is the last matching entry's value for each key, whatever the entries", () => {
    const entry = fc.record(
      {
        prefix: fc.constantFrom("/", "/a", "/a/b", "/*/b", "/c"),
        requestAttemptTimeoutMs: fc.nat(9),
        failFast: fc.constant(false),
        clientSession: fc.record({ idleTimeMs: fc.nat(9), lifeTimeMs: fc.nat(9) }, { requiredKeys: [] }),
      },
      { requiredKeys: ["prefix"] },
    );
    const matching: Record<string, string[]> = {
      "/a/b": ["/", "/a", "/a/b", "/*/b"],
      "/a": ["/", "/a"],
      "/x/b": ["/", "/*/b"],
    };
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 5 }), fc.constantFrom("/a/b", "/a", "/x/b"), (entries, name) => {
        const expected: Record<string, unknown> = {};
        for (const { prefix, ...keys } of entries) if (matching[name]?.includes(prefix)) Object.assign(expected, keys);
        expect(staticConfigsFor(read(entries), Path.read(name))).toEqual(expected);
      }),
    );
  });
});
