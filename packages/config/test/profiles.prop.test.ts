import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { fillProfiles } from "../src/fill-profiles.ts";
import { listSettings, profileSettings, readConfig, toJson } from "../src/index.ts";
import { profiles } from "../src/profiles.ts";
import { readSource } from "../src/read-source.ts";
import { plainValue, type SourceNode } from "../src/source.ts";
import { sampleRegistry } from "./sample-registry.ts";

const read = (config: object) => readConfig(JSON.stringify(config), "p.yaml", sampleRegistry);

/** Keys that the sample protocol has, with values that the profile does not give them. */
const given = {
  router: { maxHeadersKB: 17, allowInetFromOverride: true, allowLocalFromOverride: true },
  server: { clearContext: false },
};
const some = (values: object) =>
  fc.subarray(Object.entries(values)).map((entries): object => Object.fromEntries(entries));
const profile = fc.constantFrom("edge", "default", undefined);
const without = (name: string | undefined) => (name === undefined ? {} : { profile: name });
const server = fc.record({
  profile,
  keys: some(given.server),
  session: fc.constantFrom({}, { lifeTimeMs: 5 }, { idleTimeMs: 7 }),
});
const config = fc
  .record({ profile, keys: some(given.router), servers: fc.array(server, { minLength: 1, maxLength: 3 }) })
  .map(({ profile: own, keys, servers }) => ({
    own,
    keys,
    servers,
    config: {
      routers: [
        {
          protocol: "http",
          ...without(own),
          ...keys,
          servers: servers.map((each, i) => ({
            port: 4140 + i,
            ...without(each.profile),
            ...each.keys,
            ...(Object.keys(each.session).length === 0 ? {} : { serverSession: each.session }),
          })),
        },
      ],
    },
  }));

const edge = profiles.get("edge");
const profileValue = (level: "router" | "server", key: string): unknown =>
  edge?.[level].find(({ path }) => path.join(".") === key)?.value;

describe("a profile", () => {
  it("sets what is not given, of its router and of each server that has none of its own, and nothing else", () => {
    fc.assert(
      fc.property(config, ({ own, keys, servers, config }) => {
        const router = read(config).config.routers[0]?.config as unknown as Record<string, unknown>;
        const routerDefaults = { maxHeadersKB: 8, allowInetFromOverride: true, allowLocalFromOverride: true };
        for (const [key, byDefault] of Object.entries(routerDefaults)) {
          const inProfile = own === "edge" ? profileValue("router", key) : byDefault;
          expect([key, router[key]]).toEqual([key, (keys as Record<string, unknown>)[key] ?? inProfile]);
        }
        for (const [i, each] of servers.entries()) {
          const isEdge = (each.profile ?? own) === "edge";
          const found = (router["servers"] as readonly Record<string, unknown>[])[i];
          expect(found?.["clearContext"]).toBe("clearContext" in each.keys ? false : isEdge);
          const idleTimeMs = isEdge ? profileValue("server", "serverSession.idleTimeMs") : undefined;
          const expected = { ...(idleTimeMs === undefined ? {} : { idleTimeMs }), ...each.session };
          expect(found?.["serverSession"] ?? {}).toEqual(expected);
        }
      }),
    );
  });

  it("is told of with every value and whose it is, and is no part of the config as it was given", () => {
    fc.assert(
      fc.property(config, ({ own, servers, config }) => {
        const made = read(config);
        expect(toJson(made)).toEqual(config);
        const listed = new Map(listSettings(made).map((each) => [each.keyPath, each]));
        const uses = profileSettings(made);
        const named = servers.filter((each) => (each.profile ?? own) === "edge").length + (own === "edge" ? 1 : 0);
        expect(uses.filter((use) => use.profile === "edge" && use.keyPath !== "").length).toBe(named);
        for (const { settings } of uses) {
          for (const { keyPath, value, origin } of settings) {
            expect(listed.get(keyPath)).toMatchObject({ value, origin });
            expect(origin).toMatch(/^(profile edge|p\.yaml:1:\d+)$/);
          }
        }
      }),
    );
  });

  it("knows no key that is not in its table, and tells of all that the protocol has", () => {
    const made = read({ routers: [{ protocol: "http", profile: "edge", servers: [{ port: 1 }] }] });
    const uses = profileSettings(made);
    const settings = uses.flatMap((use) => use.settings);
    expect(uses.slice(0, 2).map(({ keyPath }) => keyPath)).toEqual(["routers[0]", "routers[0].servers[0]"]);
    expect(settings).toEqual(
      expect.arrayContaining([
        { keyPath: "routers[0].maxHeadersKB", value: 8, origin: "profile edge" },
        { keyPath: "routers[0].allowInetFromOverride", value: false, origin: "profile edge" },
        { keyPath: "routers[0].allowLocalFromOverride", value: false, origin: "profile edge" },
        { keyPath: "routers[0].servers[0].clearContext", value: true, origin: "profile edge" },
        { keyPath: "routers[0].servers[0].serverSession.idleTimeMs", value: 60_000, origin: "profile edge" },
      ]),
    );
    const table = [...(edge?.router ?? []), ...(edge?.server ?? []), ...(edge?.process ?? [])];
    for (const { keyPath } of settings) {
      expect(table.some(({ path }) => keyPath.endsWith(path.join(".")))).toBe(true);
    }
    expect(settings.map(({ keyPath }) => keyPath)).not.toContain("routers[0].servers[0].clearForwarded");
  });

  it("fills in what the schema has, of the process too once anything has the profile", () => {
    const schema = z.strictObject({
      overload: z.strictObject({ maxConnections: z.int().optional(), other: z.int().default(3) }).prefault({}),
      routers: z.array(
        z.strictObject({
          profile: z.string().optional(),
          servers: z.array(
            z.strictObject({
              profile: z.string().optional(),
              maxConnections: z.int().optional(),
              slowClients: z.strictObject({ headerTimeoutMs: z.int(), bodyWindowMs: z.int().default(9) }).optional(),
            }),
          ),
        }),
      ),
    });
    const filled = (config: object) => {
      const { source } = readSource(JSON.stringify(config), "p.json");
      return schema.parse(plainValue(fillProfiles(schema, source?.root as SourceNode)));
    };
    const server = { maxConnections: 8_000, slowClients: { headerTimeoutMs: 10_000, bodyWindowMs: 20_000 } };
    expect(filled({ routers: [{ servers: [{}, { profile: "edge", slowClients: { headerTimeoutMs: 1 } }] }] })).toEqual({
      overload: { maxConnections: 10_000, other: 3 },
      routers: [
        { servers: [{}, { profile: "edge", ...server, slowClients: { headerTimeoutMs: 1, bodyWindowMs: 20_000 } }] },
      ],
    });
    expect(filled({ overload: { maxConnections: 7 }, routers: [{ profile: "edge", servers: [{}] }] })).toEqual({
      overload: { maxConnections: 7, other: 3 },
      routers: [{ profile: "edge", servers: [server] }],
    });
    expect(filled({ routers: [{ profile: "default", servers: [{}] }] })).toMatchObject({ overload: { other: 3 } });
  });

  it("that there is not is refused with those there are", () => {
    expect(() => read({ routers: [{ protocol: "http", profile: "edgy", servers: [{ port: 1 }] }] })).toThrow(
      /routers\[0\]\.profile: expected one of default, edge; found the text "edgy"/,
    );
  });

  it("leaves a mistake where it stands", () => {
    expect(() =>
      read({ routers: [{ protocol: "http", profile: "edge", servers: [{ port: 1, serverSession: 3 }, 5] }] }),
    ).toThrow(/servers\[0\]\.serverSession: expected an object/);
  });
});
