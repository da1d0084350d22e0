import { type AnyPlugin, ConfigError, definePlugin, NoKeys, readConfig } from "@weftmesh/config";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { H2Config } from "../src/config.ts";
import { registry } from "./registry.ts";

const others: readonly AnyPlugin[] = ["io.l5d.http.nonRetryable5XX", "io.l5d.h2.grpc.default"].map((kind) =>
  definePlugin({
    type: "classifier",
    kind,
    schema: NoKeys,
    make: () => ({ name: kind, classify: () => "success" as const }),
  }),
);
const withOthers = registry.with(others);

function read(router: object): H2Config {
  const text = JSON.stringify({ routers: [{ protocol: "h2", servers: [{}], ...router }] });
  return readConfig(text, "weft.json", withOthers).config.routers[0]?.config as H2Config;
}

function mistakes(router: object): readonly string[] {
  try {
    read(router);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split("\n");
  }
}

const bytes = (min: number, max: number) => fc.integer({ min, max });
const arbEndpoint = fc.record(
  {
    initialStreamWindowBytes: bytes(1, 2 ** 31 - 1),
    connectionWindowBytes: bytes(65_535, 2 ** 31 - 1),
    headerTableBytes: bytes(0, 1_048_576),
    maxFrameBytes: bytes(16_384, 2 ** 24 - 1),
    maxHeaderListBytes: bytes(1, 2 ** 31 - 1),
    windowUpdateRatio: fc.double({ min: 0.001, max: 0.999, noNaN: true }),
  },
  { requiredKeys: [] },
);
const defaults = {
  initialStreamWindowBytes: 65_535,
  connectionWindowBytes: 1_048_576,
  headerTableBytes: 4096,
  maxFrameBytes: 16_384,
  maxHeaderListBytes: 65_536,
  windowUpdateRatio: 0.99,
};

describe("the keys of an h2 router", () => {
  it("have the value that is given, and their default otherwise: of servers at once, of clients when they are merged", () => {
    fc.assert(
      fc.property(
        arbEndpoint,
        fc.option(fc.integer({ min: 1, max: 100_000 }), { nil: undefined }),
        (given, streams) => {
          const server = { ...given, ...(streams === undefined ? {} : { maxConcurrentStreamsPerConnection: streams }) };
          const config = read({ servers: [server], client: given });
          expect(config.servers[0]).toMatchObject({
            port: 4142,
            maxCallDepth: 1000,
            maxConcurrentStreamsPerConnection: 1000,
            ...defaults,
            ...server,
          });
          expect(config.client?.configs[0]?.config).toEqual(given);
        },
      ),
    );
  });

  it("of a service bound what is kept for retries", () => {
    const service = (given: object) => read({ service: given }).service?.configs[0]?.config;
    expect(service({})).toEqual({});
    expect(service({ retryBufferSize: {} })).toEqual({
      retryBufferSize: { requestBytes: 16_383, responseBytes: 16_383 },
    });
    expect(service({ retryBufferSize: { requestBytes: 0 }, classificationTimeoutMs: 0 })).toEqual({
      retryBufferSize: { requestBytes: 0, responseBytes: 16_383 },
      classificationTimeoutMs: 0,
    });
  });

  it("of the access log are those of http by another name", () => {
    expect(read({ h2AccessLog: "a.log" })).toMatchObject({
      h2AccessLog: "a.log",
      h2AccessLogRollPolicy: "never",
      h2AccessLogAppend: true,
      h2AccessLogRotateCount: -1,
      h2AccessLogFormat: "line",
    });
    expect(mistakes({ h2AccessLogRollPolicy: "sometimes" })[0]).toContain("h2AccessLogRollPolicy");
    expect(mistakes({ httpAccessLog: "a.log" })[0]).toContain("h2AccessLog");
  });

  it("are refused out of their range, with their line", () => {
    for (const [key, value] of [
      ["initialStreamWindowBytes", 0],
      ["initialStreamWindowBytes", 2 ** 31],
      ["connectionWindowBytes", 65_534],
      ["headerTableBytes", -1],
      ["maxFrameBytes", 16_383],
      ["maxFrameBytes", 2 ** 24],
      ["maxHeaderListBytes", 0],
      ["windowUpdateRatio", 0],
      ["windowUpdateRatio", 1],
    ] as const) {
      expect([key, mistakes({ servers: [{ [key]: value }] }).length]).toEqual([key, 1]);
      expect(mistakes({ client: { [key]: value } })[0]).toContain(`routers[0].client.${key}`);
    }
    expect(mistakes({ servers: [{ maxConcurrentStreamsPerConnection: 0 }] }).length).toBe(1);
  });

  it("refuse the docs' maxHeaderListByts, and name what was meant", () => {
    expect(mistakes({ servers: [{ maxHeaderListByts: 1 }] })[0]).toMatch(/maxHeaderListByts.*maxHeaderListBytes/);
  });

  it("refuse what only http has: its identifiers, its classifiers, its keys", () => {
    expect(mistakes({ identifier: { kind: "io.l5d.methodAndHost" } })[0]).toContain(
      "io.l5d.methodAndHost is an identifier of http routers alone",
    );
    expect(mistakes({ service: { responseClassifier: { kind: "io.l5d.http.nonRetryable5XX" } } })[0]).toContain(
      "io.l5d.http.nonRetryable5XX judges the responses of http routers; those of h2 routers are io.l5d.h2.*",
    );
    expect(mistakes({ service: { responseClassifier: { kind: "io.l5d.h2.grpc.default" } } })).toEqual([]);
    expect(mistakes({ maxHeadersKB: 8 }).length).toBe(1);
    expect(mistakes({ servers: [{ slowClients: { minResponseBytesPerSec: 1 } }] })).toEqual([]);
    expect(mistakes({ servers: [{ slowClients: { minResponseBytesPerSec: -1 } }] })[0]).toContain(
      "minResponseBytesPerSec",
    );
  });

  it("accept experimental: true, which Linkerd once wanted", () => {
    expect(mistakes({ experimental: true })).toEqual([]);
  });
});
