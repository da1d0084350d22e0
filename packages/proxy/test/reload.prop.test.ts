import { type AnyPlugin, definePlugin, routerSchema, TextType } from "@weftmesh/config";
import { Path } from "@weftmesh/naming";
import type { Router, RouterRuntime } from "@weftmesh/router";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createProxy } from "../src/create-proxy.ts";

/** Routers that note what they are asked to do. */
class World {
  readonly listening: string[] = [];
  readonly closed: string[] = [];
  built = 0;
  /** How many more routers can be built. */
  buildable = Number.POSITIVE_INFINITY;
  /** Versions whose ports are taken. */
  taken = new Set<string>();
  /** Reservations that were made for routers which never came to listen, and were not given back. */
  readonly open = new Set<string>();

  readonly plugin: AnyPlugin = definePlugin({
    type: "protocol",
    kind: "fake",
    schema: (plugins) =>
      routerSchema(plugins, {
        defaultPort: 0,
        router: { version: TextType.describe("Tells one from the other") },
        server: {},
        client: {},
        service: {},
      }),
    make: (config) => ({ newRouter: (runtime) => this.#router(runtime, (config as { version: string }).version) }),
  });

  #router({ label }: RouterRuntime, version: string): Router {
    const name = `${label}@${version}`;
    if (this.buildable-- === 0) throw new Error(`${name} cannot be built`);
    this.built++;
    this.open.add(name);
    return {
      label,
      protocol: "fake",
      stacks: { server: [], path: [], bound: [], client: [] },
      servers: [],
      dstPrefix: Path.of("svc"),
      reserve: async () => {
        if (this.taken.has(version)) throw new Error(`the port of ${name} is taken`);
      },
      listen: async () => {
        this.listening.push(name);
        return [];
      },
      snapshot: () => ({ paths: [], trees: [], bounds: [], clients: [], waitingCalls: 0 }),
      close: async () => {
        this.open.delete(name);
        this.closed.push(name);
      },
    };
  }
}

type Routers = Readonly<Record<string, string>>;
type Step =
  | { readonly kind: "good" | "taken"; readonly routers: Routers }
  | { readonly kind: "broken" | "unbuildable" | "restart"; readonly routers: Routers };

const routers: fc.Arbitrary<Routers> = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2", "3"), {
  minKeys: 1,
  noNullPrototype: true,
});
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...(["good", "taken", "broken", "unbuildable", "restart"] as const)),
  routers,
});

function text({ kind, routers }: Step): string {
  return JSON.stringify({
    admin: { port: 0, shutdownGraceMs: kind === "restart" ? 78 : 77 },
    routers: Object.entries(routers).map(([label, version]) => ({
      protocol: "fake",
      label,
      version,
      ...(kind === "broken" ? { colour: "red" } : {}),
      servers: [{ port: 20_000 + (label.codePointAt(0) as number) }],
    })),
  });
}

const names = (given: Routers): readonly string[] =>
  Object.entries(given)
    .map(([label, version]) => `${label}@${version}`)
    .sort();

describe("any sequence of reloads", () => {
  it("leaves the routers of the last good config, and nothing of the others", async () => {
    await fc.assert(
      fc.asyncProperty(routers, fc.array(step, { maxLength: 8 }), async (first, steps) => {
        const world = new World();
        const options = { plugins: [world.plugin], log: () => {} };
        const proxy = await createProxy({ ...options, config: text({ kind: "good", routers: first }) });
        await proxy.start();
        let now = first;
        for (const each of steps) {
          const fresh = Object.entries(each.routers).filter(([label, version]) => now[label] !== version);
          world.taken = new Set(each.kind === "taken" ? Object.values(each.routers) : []);
          world.buildable = each.kind === "unbuildable" ? fresh.length - 1 : Number.POSITIVE_INFINITY;
          // Where nothing is new, nothing is built and no port is asked for.
          const untouched = (each.kind === "taken" || each.kind === "unbuildable") && fresh.length === 0;
          const good = each.kind === "good" || untouched;
          const [built, listened] = [world.built, world.listening.length];
          const answer = await proxy.reload(() => text(each));
          if (good) {
            expect(answer.kind).toBe("reloaded");
            expect(world.listening.slice(listened).sort()).toEqual(names(Object.fromEntries(fresh)));
            expect(world.built - built).toBe(fresh.length);
            now = each.routers;
          } else {
            expect(answer).toMatchObject({ kind: "refused", needsRestart: each.kind === "restart" });
            expect(world.listening.length).toBe(listened);
          }
          expect([...world.open].sort()).toEqual(names(now));
          expect(proxy.built.config.routers.map(({ label }) => label).sort()).toEqual(Object.keys(now).sort());
        }
        await proxy.close(0);
        expect([...world.open]).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("is done one after the other, and refused once the process is ending", async () => {
    const world = new World();
    const first = { kind: "good", routers: { a: "1" } } as const;
    const proxy = await createProxy({ plugins: [world.plugin], log: () => {}, config: text(first) });
    await proxy.start();
    const all = ["2", "3", "1"].map((version) => proxy.reload(() => text({ kind: "good", routers: { a: version } })));
    await Promise.all(all);
    expect(world.listening).toEqual(["a@1", "a@2", "a@3", "a@1"]);
    await proxy.close(0);
    expect(await proxy.reload(() => text(first))).toEqual({
      kind: "refused",
      message: "the process is ending",
      needsRestart: false,
    });
  });

  it("tells of a config that cannot be read at all", async () => {
    const world = new World();
    const proxy = await createProxy({
      plugins: [world.plugin],
      log: () => {},
      config: text({ kind: "good", routers: { a: "1" } }),
    });
    const answer = await proxy.reload(() => {
      throw new Error("config is not a file: gone.yaml");
    });
    expect(answer).toEqual({ kind: "refused", message: "config is not a file: gone.yaml", needsRestart: false });
    await proxy.close(0);
  });
});
