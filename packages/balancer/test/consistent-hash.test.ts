import { CancelledError, Ctx, ok } from "@weftmesh/core";
import { boundAddr } from "@weftmesh/naming";
import { answerNever } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { type HashKey, maglev, type RingHashOptions, ringHash } from "../src/index.ts";
import { at, bound, Cluster } from "./cluster.ts";

const key: HashKey<string> = (req) => (req === "" ? undefined : req);
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

async function whereTo(cluster: Cluster, req: string): Promise<string> {
  const ctx = new Ctx();
  const rep = await cluster.service.call(req, ctx);
  ctx.end(ok);
  return rep;
}

describe.each([
  ["ringHash", ringHash],
  ["maglev", maglev],
] as const)("a balancer by %s", (name, make: (options: RingHashOptions<string>) => ReturnType<typeof ringHash>) => {
  it("sends a key to one endpoint for as long as it is there, and to one other while it is not open", async () => {
    const cluster = new Cluster(make({ key }), bound(...upTo(6)));
    const home = await whereTo(cluster, "ann");
    for (let i = 0; i < 20; i++) expect(await whereTo(cluster, "ann")).toBe(home);
    // Other endpoints come, and another weight class is none of theirs.
    cluster.dest.set(boundAddr(upTo(7).map((n) => at(n, n === 6 ? 0.001 : 1))));
    expect(await whereTo(cluster, "ann")).toBe(home);
    const endpoint = cluster.made.get(home)?.[0] as { status: string };
    endpoint.status = "busy";
    const next = await whereTo(cluster, "ann");
    expect(next).not.toBe(home);
    for (let i = 0; i < 20; i++) expect(await whereTo(cluster, "ann")).toBe(next);
    endpoint.status = "open";
    expect(await whereTo(cluster, "ann")).toBe(home);
    expect(cluster.stats.readGauge("loadbalancer/num_weight_classes")).toBe(1);
  });

  it("takes the key's own endpoint when no endpoint is open, and counts that", async () => {
    const cluster = new Cluster(make({ key }), bound(...upTo(4)));
    const homes = new Map<string, string>();
    for (let i = 0; i < 100; i++) homes.set(`key ${i}`, await whereTo(cluster, `key ${i}`));
    for (const endpoint of cluster.all()) endpoint.status = "busy";
    for (const [each, home] of homes) expect(await whereTo(cluster, each)).toBe(home);
    expect(cluster.stats.readCounter("loadbalancer/max_effort_exhausted")).toBe(100);
  });

  it("holds an endpoint of one hot key to its bound, and lets it go back when calls end", async () => {
    const cluster = new Cluster(make({ key, loadFactor: 1.5 }), bound(...upTo(4)), { script: () => answerNever });
    for (let round = 0; round < 3; round++) {
      const calls = upTo(40).map(() => {
        const ctx = new Ctx();
        cluster.service.call("hot", ctx).catch(() => {});
        return ctx;
      });
      const pending = cluster
        .all()
        .map((each) => each.inFlight)
        .sort((a, b) => b - a);
      // At most 1.5 times a quarter of the calls there are, rounded up, for each as it came.
      expect(pending).toEqual([15, 15, 10]);
      for (const ctx of calls) {
        ctx.cancel(new CancelledError());
        ctx.end(ok);
      }
      expect(cluster.stats.readGauge("loadbalancer/load")).toBe(0);
    }
    // Nobody has anything in flight, so one more goes home.
    const before = cluster.all().map((each) => each.calls.length);
    cluster.service.call("hot", new Ctx()).catch(() => {});
    expect(cluster.all().map((each, i) => each.calls.length - (before[i] ?? 0))).toEqual([1, 0, 0]);
  });

  it("rejects a call whose key cannot be told, and counts nothing", async () => {
    const broken = new Error("no such field");
    const cluster = new Cluster(
      make({
        key: () => {
          throw broken;
        },
      }),
      bound(0, 1),
    );
    await expect(cluster.service.call("ann", new Ctx())).rejects.toBe(broken);
    expect(cluster.stats.readGauge("loadbalancer/load")).toBe(0);
  });

  it("balances calls without a key by load", () => {
    const cluster = new Cluster(make({ key }), bound(...upTo(5)), { script: () => answerNever });
    for (let i = 0; i < 200; i++) cluster.service.call("", new Ctx()).catch(() => {});
    const pending = cluster.all().map((each) => each.inFlight);
    expect(pending.reduce((sum, each) => sum + each, 0)).toBe(200);
    expect(Math.max(...pending) - Math.min(...pending)).toBeLessThanOrEqual(6);
  });

  it("names itself and refuses options that make no sense", () => {
    const wrong = (options: object): (() => unknown) => {
      return () => make({ key, ...options });
    };
    expect(make({ key }).algorithm).toBe(name === "maglev" ? "maglev" : "ring_hash");
    for (const loadFactor of [1, 0.5, -1, Number.NaN]) {
      expect(wrong({ loadFactor })).toThrow(`loadFactor is ${loadFactor}: it must be above 1`);
    }
    for (const maxEffort of [0, -1, Number.NaN]) {
      expect(wrong({ maxEffort })).toThrow(`maxEffort is ${maxEffort}: it must be 1 or more`);
    }
  });
});

it("a ring has points and Maglev a prime number of places", () => {
  expect(() => ringHash({ key, pointsPerHost: 0 })).toThrow("pointsPerHost is 0: it must be 1 or more");
  expect(() => ringHash({ key, maxPoints: 0.5 })).toThrow("maxPoints is 0.5: it must be 1 or more");
  for (const tableSize of [65_536, 1, 5_000_081, 7.5]) {
    expect(() => maglev({ key, tableSize })).toThrow(`tableSize is ${tableSize}: it must be a prime up to 5000011`);
  }
  expect(maglev({ key, tableSize: 5_000_011 }).algorithm).toBe("maglev");
});

it("an endpoint tries as many others as it may, and no call looks at more", async () => {
  const cluster = new Cluster(ringHash({ key, maxEffort: 2 }), bound(...upTo(12)));
  for (let i = 0; i < 200; i++) await whereTo(cluster, `key ${i}`);
  const homes = new Map<string, string>();
  for (let i = 0; i < 200; i++) homes.set(`key ${i}`, await whereTo(cluster, `key ${i}`));
  // Every endpoint but one is busy: most keys find it neither at home nor next door.
  for (const [where, [endpoint]] of cluster.made)
    (endpoint as { status: string }).status = where === "10.0.0.3:80" ? "open" : "busy";
  let found = 0;
  for (const [each, home] of homes) {
    const where = await whereTo(cluster, each);
    if (where === "10.0.0.3:80") found++;
    else expect(where).toBe(home);
  }
  expect(found).toBeLessThan(80);
  let reads = 0;
  for (const endpoint of cluster.all()) {
    Object.defineProperty(endpoint, "status", {
      get: () => {
        reads++;
        return "busy";
      },
    });
  }
  await whereTo(cluster, "key 1");
  expect(reads).toBe(2);
  expect(cluster.stats.readCounter("loadbalancer/max_effort_exhausted")).toBe(201 - found);
});
