import { ConfigError, readConfig } from "@weftmesh/config";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HttpConfig } from "../src/config.ts";
import { registry } from "./registry.ts";

function read(router: object): HttpConfig {
  const text = JSON.stringify({ routers: [{ protocol: "http", ...router }] });
  return readConfig(text, "weft.json", registry).config.routers[0]?.config as HttpConfig;
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

const count = fc.nat(100_000);
const routerDefaults = { streamAfterContentLengthKB: 5, maxHeadersKB: 8, maxInitialLineKB: 4, maxErrResponseKB: 5120 };
const arbRouter = fc.record(
  { streamAfterContentLengthKB: count, maxHeadersKB: count, maxInitialLineKB: count, maxErrResponseKB: count },
  { requiredKeys: [] },
);

const labeler = fc.oneof(
  fc.constantFrom("ip", "ip:port", "connectionRandom", "requestRandom", "router").map((kind) => ({ kind })),
  fc.stringMatching(/^[a-z ]{1,6}$/).map((label) => ({ kind: "static", label })),
);
const arbServer = fc.record(
  {
    maxCallDepth: count,
    timestampHeader: fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,8}$/),
    addForwardedHeader: fc.record({ by: labeler, for: labeler }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const random = { kind: "requestRandom" };

describe("the keys of an http router", () => {
  it("have the value that is given, and Linkerd's default otherwise", () => {
    fc.assert(
      fc.property(arbRouter, (given) => {
        expect(read({ ...given, servers: [{ port: 1 }] })).toMatchObject({ ...routerDefaults, ...given });
      }),
    );
  });

  it("of its servers have the value that is given, and Linkerd's default otherwise", () => {
    fc.assert(
      fc.property(arbServer, (given) => {
        const [server] = read({ servers: [given] }).servers;
        const { addForwardedHeader: labels, ...others } = given;
        expect(server).toMatchObject({ port: 4140, ip: "127.0.0.1", maxCallDepth: 1000, ...others });
        expect(server?.addForwardedHeader).toEqual(
          labels === undefined ? undefined : { by: random, for: random, ...labels },
        );
      }),
    );
  });

  it("I1: are known by name: any other is refused at its place, at each level", () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/).map((text) => `${text}Xyz`);
    fc.assert(
      fc.property(name, fc.constantFrom("router", "server", "forwarded"), (key, level) => {
        const server = { port: 1, ...(level === "server" ? { [key]: 1 } : {}) };
        const labels = level === "forwarded" ? { addForwardedHeader: { [key]: 1 } } : {};
        const [line, ...more] = mistakes({
          ...(level === "router" ? { [key]: 1 } : {}),
          servers: [{ ...server, ...labels }],
        });
        expect(more).toEqual([]);
        expect(line).toMatch(/^weft\.json:1:\d+: /);
        expect(line).toContain(`${key}: unknown key`);
      }),
    );
  });

  it("I1: are of one type: any other is refused, with what was expected", () => {
    const wrong = fc.oneof(fc.string(), fc.constantFrom(-1, 1.5, 1e300, null, true, [], {}));
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(routerDefaults)), wrong, (key, value) => {
        const [line] = mistakes({ [key]: value, servers: [{ port: 1 }] });
        expect(line).toMatch(/^weft\.json:1:\d+: routers\[0\]\./);
        expect(line).toContain(key);
      }),
    );
  });

  it("I1: refuse a header name that no request can have, at its line", () => {
    const bad = fc
      .string({ minLength: 1, maxLength: 6 })
      .filter((text) => !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text));
    fc.assert(
      fc.property(bad, (header) => {
        const [line] = mistakes({ servers: [{ port: 1, timestampHeader: header }] });
        expect(line).toMatch(/^weft\.json:1:\d+: routers\[0\]\.servers\[0\]\.timestampHeader: /);
      }),
    );
  });
});
