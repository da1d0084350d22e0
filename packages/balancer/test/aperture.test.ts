import { Ctx, ok } from "@weftmesh/core";
import { answerNever, answerOk } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { aperture, aperturePeakEwma, type BalancerKind, type PeerCoordinate } from "../src/index.ts";
import { bound, Cluster } from "./cluster.ts";

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Begins a call that is answered and not ended yet. */
function begin(cluster: Cluster): { ctx: Ctx; rep: Promise<string> } {
  const ctx = new Ctx();
  const rep = cluster.service.call("req", ctx);
  rep.catch(() => {});
  return { ctx, rep };
}

async function call(cluster: Cluster): Promise<string> {
  const { ctx, rep } = begin(cluster);
  const where = await rep;
  ctx.respond(where);
  ctx.end(ok);
  return where;
}

describe("aperture", () => {
  it("has Linkerd's defaults: a load of 0.5 to 2 over 5 s, one endpoint at least, five tries", async () => {
    const cluster = new Cluster(aperture(), bound(...numbers(20)));
    expect(aperture().maxEffort).toBe(5);
    expect(cluster.stats.readGauge("loadbalancer/logical_aperture")).toBe(1);
    const used = await call(cluster);
    for (let i = 0; i < 50; i++) expect(await call(cluster)).toBe(used);
    // Ten calls in flight are 10 (1 - 1/e) on average after 5 s: more than 2 for each of 3, and not of 4.
    const calls = numbers(10).map(() => begin(cluster));
    await cluster.clock.advance(5000);
    const average = cluster.stats.readGauge("loadbalancer/loadband/offered_load_ema") as number;
    expect(average).toBeCloseTo(10 * (1 - 1 / Math.E), 9);
    for (let i = 0; i < 5; i++) begin(cluster).ctx.end(ok);
    expect(cluster.stats.readGauge("loadbalancer/logical_aperture")).toBe(4);
    expect(cluster.stats.readCounter("loadbalancer/loadband/widen")).toBe(3);
    for (const { ctx } of calls) ctx.end(ok);
    await cluster.clock.advance(60_000);
    for (let i = 0; i < 5; i++) await call(cluster);
    expect(cluster.stats.readGauge("loadbalancer/logical_aperture")).toBe(1);
    expect(cluster.stats.readCounter("loadbalancer/loadband/narrow")).toBe(3);
  });

  it("opens as few endpoints as the load needs, and more as it grows", async () => {
    const cluster = new Cluster(aperture({ smoothWindowMs: 0, idleTimeMs: 0 }), bound(...numbers(100)), {
      script: () => answerNever,
    });
    for (let i = 0; i < 40; i++) begin(cluster);
    expect(cluster.all().length).toBeLessThanOrEqual(20);
    expect(cluster.all().length).toBeGreaterThanOrEqual(15);
    expect(Math.max(...cluster.all().map((each) => each.inFlight))).toBeLessThanOrEqual(6);
  });

  it("lets the connections of an endpoint go that is out of use, and opens them again when it is needed", async () => {
    const cluster = new Cluster(aperture({ smoothWindowMs: 100 }), bound(...numbers(10)));
    const calls: Ctx[] = [];
    // Of 30 that are in flight for a while.
    for (let i = 0; i < 30; i++) {
      calls.push(begin(cluster).ctx);
      await cluster.clock.advance(20);
    }
    const most = cluster.stats.readGauge("loadbalancer/physical_aperture") as number;
    expect(most).toBeGreaterThan(5);
    const opened = cluster.all().length;
    for (const ctx of calls) ctx.end(ok);
    await cluster.clock.advance(500);
    for (let i = 0; i < 20; i++) await call(cluster);
    expect(cluster.stats.readGauge("loadbalancer/physical_aperture")).toBe(1);
    await cluster.clock.advance(400);
    expect(cluster.stats.readCounter("loadbalancer/expired")).toBe(0);
    await cluster.clock.advance(1100);
    expect(cluster.stats.readCounter("loadbalancer/expired")).toBe(opened - 1);
    expect(cluster.all().filter((each) => each.closes === 1).length).toBe(opened - 1);
    expect(cluster.stats.readGauge("loadbalancer/available")).toBe(10);
    for (let i = 0; i < 30; i++) {
      begin(cluster);
      await cluster.clock.advance(20);
    }
    expect(cluster.all().length).toBeGreaterThan(opened);
    expect(Math.max(...cluster.all().map((each) => each.closes))).toBe(1);
  });

  it("goes by latency with peak EWMA: a slow endpoint within the window gets few of the calls", async () => {
    const onSlow = async (kind: BalancerKind): Promise<number> => {
      const cluster = new Cluster(kind, bound(0, 1, 2), {
        script: (where) => answerOk(where, where === "10.0.0.1:80" ? 200 : 10),
      });
      for (let i = 0; i < 400; i++) {
        const { ctx, rep } = begin(cluster);
        void rep.then((where) => {
          ctx.respond(where);
          ctx.end(ok);
        });
        await cluster.clock.advance(20);
      }
      return cluster.endpoint(1)?.calls.length ?? 0;
    };
    // By calls in flight it looks idle one time in ten.
    expect(await onSlow(aperture({ minAperture: 3 }))).toBeGreaterThan(30);
    expect(await onSlow(aperturePeakEwma({ minAperture: 3 }))).toBeLessThan(10);
    // The latency fades with the window of the load band: after a second nothing of it is left.
    expect(await onSlow(aperturePeakEwma({ minAperture: 3, smoothWindowMs: 10 }))).toBeGreaterThan(20);
    expect(await onSlow(aperturePeakEwma({ minAperture: 3, smoothWindowMs: 10, decayTimeMs: 5000 }))).toBeLessThan(10);
  });

  it("shares endpoints out among processes that know their coordinate, and moves on when it changes", async () => {
    const all = numbers(60);
    let peer: PeerCoordinate | undefined = { instanceId: 0, totalInstances: 5 };
    const used = async (coordinate: () => PeerCoordinate | undefined, seed: number): Promise<Set<string>> => {
      const cluster = new Cluster(aperture({ coordinate }), bound(...all), { seed });
      const seen = new Set<string>();
      for (let i = 0; i < 600; i++) seen.add(await call(cluster));
      return seen;
    };
    const everybody = new Map<string, number>();
    for (let instanceId = 0; instanceId < 5; instanceId++) {
      const seen = await used(() => ({ instanceId, totalInstances: 5 }), instanceId);
      // 60 endpoints, 5 processes: 12 each, and nobody else's.
      expect(seen.size).toBe(12);
      for (const each of seen) everybody.set(each, (everybody.get(each) ?? 0) + 1);
    }
    expect([...everybody.values()]).toEqual(all.map(() => 1));
    const cluster = new Cluster(aperture({ coordinate: () => peer }), bound(...all));
    const first = await call(cluster);
    expect(cluster.stats.readGauge("loadbalancer/use_deterministic_ordering")).toBe(1);
    expect(cluster.stats.readGauge("loadbalancer/logical_aperture")).toBe(12);
    peer = { instanceId: 3, totalInstances: 5 };
    for (let i = 0; i < 100; i++) expect(await call(cluster)).not.toBe(first);
    peer = undefined;
    await call(cluster);
    expect(cluster.stats.readGauge("loadbalancer/use_deterministic_ordering")).toBe(0);
    expect(cluster.stats.readCounter("loadbalancer/coordinate_updates")).toBe(2);
  });

  it("refuses options that make no sense", () => {
    for (const options of [
      { minAperture: 0 },
      { minAperture: 1.5 },
      { minAperture: Number.NaN },
      { minDeterministicAperture: 1 },
      { lowLoad: 3 },
      { highLoad: 0.1 },
      { smoothWindowMs: -1 },
    ]) {
      expect(() => aperture(options)).toThrow(RangeError);
      expect(() => aperturePeakEwma(options)).toThrow(RangeError);
    }
    expect(() => aperture({ minAperture: 0 })).toThrow("minAperture is 0: it must be a whole number from 1");
  });
});
