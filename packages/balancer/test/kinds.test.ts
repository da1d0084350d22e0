import { CancelledError, type Clock, Ctx, ok, Params, type Rng, type Status } from "@weftmesh/core";
import { boundAddr } from "@weftmesh/naming";
import type { StatsReceiver } from "@weftmesh/telemetry";
import { answerNever } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";

import {
  aperture,
  aperturePeakEwma,
  type BalancerKind,
  EnableProbationParam,
  heap,
  leastLoaded,
  type Node,
  type Picker,
  roundRobin,
  weightedRoundRobin,
  ZonePreferenceParam,
} from "../src/index.ts";
import { at, bound, Cluster } from "./cluster.ts";

const coordinate = () => ({ instanceId: 3, totalInstances: 20 });
const kinds: readonly (readonly [string, () => BalancerKind])[] = [
  ["heap_least_loaded", () => heap()],
  ["round_robin", () => roundRobin()],
  ["round_robin_weighted", () => weightedRoundRobin()],
  ["aperture_least_loaded", () => aperture()],
  ["aperture_peak_ewma", () => aperturePeakEwma()],
  ["aperture_least_loaded", () => aperture({ coordinate })],
];

async function call(cluster: Cluster): Promise<string> {
  const ctx = new Ctx();
  const where = await cluster.service.call("req", ctx);
  ctx.respond(where);
  ctx.end(ok);
  return where;
}

async function sharesOf(cluster: Cluster, n: number, calls: number): Promise<number[]> {
  const before = Array.from({ length: n }, (_, i) => cluster.endpoint(i)?.calls.length ?? 0);
  for (let i = 0; i < calls; i++) await call(cluster);
  return before.map((count, i) => ((cluster.endpoint(i)?.calls.length ?? 0) - count) / calls);
}

/** Mutants are tried by the thousand: what takes long, and what measures time, is not for them. */
const mutating = process.env["WEFT_MUTATION"] === "1";

describe.each(kinds)("a balancer by %s", (algorithm, kind) => {
  it("says which algorithm it has", () => {
    const cluster = new Cluster(kind(), bound(0));
    expect(cluster.stats.readGauge(`loadbalancer/algorithm/${algorithm}`)).toBe(1);
  });

  it.skipIf(mutating)(
    "G9: takes 10,000 endpoints, one more, and one, each within 100 ms, and forgets no call in flight",
    async () => {
      const all = Array.from({ length: 10_001 }, (_, n) => at(n, 1 + (n % 3)));
      const cluster = new Cluster(kind(), boundAddr(all.slice(1)), { script: () => answerNever });
      const calls = Array.from({ length: 500 }, () => {
        const ctx = new Ctx();
        cluster.service.call("req", ctx).catch(() => {});
        return ctx;
      });
      const tookMs: number[] = [];
      for (let i = 0; i < 3; i++) {
        for (const set of [all, all.slice(1)]) {
          const addr = boundAddr(set);
          const from = cpuMs();
          cluster.dest.set(addr);
          tookMs.push(cpuMs() - from);
        }
      }
      expect(Math.min(...tookMs)).toBeLessThan(100);
      expect(cluster.stats.readGauge("loadbalancer/load")).toBe(500);
      const wholeMs: number[] = [];
      for (let i = 0; i < 3; i++) {
        cluster.dest.set(bound(0));
        const from = cpuMs();
        cluster.dest.set(boundAddr(all));
        wholeMs.push(cpuMs() - from);
      }
      expect(Math.min(...wholeMs)).toBeLessThan(100);
      for (const ctx of calls) {
        ctx.cancel(new CancelledError());
        ctx.end(ok);
      }
      expect(cluster.stats.readGauge("loadbalancer/load")).toBe(0);
      await cluster.service.close();
      expect(cluster.clock.armed).toBe(0);
      expect(cluster.all().every((each) => each.closes === 1)).toBe(true);
    },
  );

  it("G1: answers every call while one of two endpoints flaps every 100 ms", async () => {
    const cluster = new Cluster(kind(), bound(0, 1), { params: Params.empty });
    await sharesOf(cluster, 2, 20);
    let onBad = 0;
    for (let turn = 0; turn < 50; turn++) {
      const bad: Status = turn % 2 === 0 ? "busy" : "open";
      for (const endpoint of [cluster.endpoint(0)]) if (endpoint !== undefined) endpoint.status = bad;
      for (let i = 0; i < 10; i++) {
        await cluster.clock.advance(10);
        if ((await call(cluster)) === "10.0.0.0:80" && bad === "busy") onBad++;
      }
    }
    expect(onBad).toBe(0);
  });

  it("G2: gives calls to somebody when nobody is open, and says so", async () => {
    const cluster = new Cluster(kind(), bound(0, 1, 2));
    // Until each has been called.
    while (cluster.made.size < 3) {
      await Promise.all([call(cluster), call(cluster), call(cluster)]);
      for (const list of cluster.made.values()) for (const each of list) each.status = "busy";
    }
    const before = cluster.stats.readCounter("loadbalancer/max_effort_exhausted");
    await sharesOf(cluster, 3, 30);
    expect(cluster.stats.readCounter("loadbalancer/max_effort_exhausted") - before).toBe(30);
  });

  it("G11: gives endpoints without weight nothing, and takes any weight", async () => {
    const shares = async (...weights: number[]): Promise<number[]> => {
      const cluster = new Cluster(kind(), boundAddr(weights.map((weight, n) => at(n, weight))));
      return await sharesOf(cluster, weights.length, 400);
    };
    expect(await shares(0, 1, -5)).toEqual([0, 1, 0]);
    expect((await shares(Number.NaN, 1, 1e308)).reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 9);
    expect((await shares(0, -1, 0)).reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 9);
  });

  it("G10: counts an address that comes twice once", async () => {
    const cluster = new Cluster(kind(), bound(0, 1, 0, 0));
    expect(cluster.stats.readGauge("loadbalancer/size")).toBe(2);
    await call(cluster);
  });

  it("keeps one that discovery dropped while it is open, with probation", async () => {
    const cluster = new Cluster(kind(), bound(0), { params: Params.empty.with(EnableProbationParam, true) });
    await call(cluster);
    cluster.dest.set(bound(1));
    expect(cluster.stats.readGauge("loadbalancer/size")).toBe(2);
    for (const endpoint of cluster.all()) endpoint.status = "busy";
    for (let i = 0; i < 5; i++) await call(cluster);
    await cluster.service.close();
  });
});

describe("shares", () => {
  it("are by weight, with weighted round robin and with apertures that use all", async () => {
    const weights = [4, 2, 1, 1];
    for (const kind of [weightedRoundRobin(), aperture({ minAperture: 4 }), aperturePeakEwma({ minAperture: 4 })]) {
      const cluster = new Cluster(kind, boundAddr(weights.map((weight, n) => at(n, weight))));
      expect(cluster.stats.readGauge("loadbalancer/num_weight_classes")).toBe(1);
      const got = await sharesOf(cluster, 4, 4000);
      if (kind.algorithm === "aperture_peak_ewma") continue;
      for (const [i, weight] of weights.entries()) {
        const p = weight / 8;
        expect(Math.abs((got[i] as number) - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / 4000));
      }
    }
  });

  it("are by weight and number of a class, with a heap and round robin", async () => {
    for (const kind of [heap(), roundRobin()]) {
      const cluster = new Cluster(kind, boundAddr([at(0, 2), at(1, 1), at(2, 1)]));
      expect(cluster.stats.readGauge("loadbalancer/num_weight_classes")).toBe(2);
      const got = await sharesOf(cluster, 3, 4000);
      expect(Math.abs((got[0] as number) - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / 4000));
    }
  });
});

describe("pickers", () => {
  /** A kind that counts the pickers that were made and closed. */
  function counted(): { kind: BalancerKind; made: () => number; closed: () => number } {
    const plain = leastLoaded();
    let made = 0;
    let closed = 0;
    const kind: BalancerKind = {
      ...plain,
      newPicker: <Req, Rep>(rng: Rng, clock: Clock, stats?: StatsReceiver) => {
        made++;
        expect(stats).toBeDefined();
        const picker: Picker<Node<Req, Rep>> = plain.newPicker<Req, Rep>(rng, clock, stats);
        picker.close = () => void closed++;
        return picker;
      },
    };
    return { kind, made: () => made, closed: () => closed };
  }

  it("are closed when their weight class is gone, and when the balancer is closed", async () => {
    const { kind, made, closed } = counted();
    const cluster = new Cluster(kind, boundAddr([at(0, 1), at(1, 2)]));
    expect([made(), closed()]).toEqual([2, 0]);
    cluster.dest.set(boundAddr([at(0, 1), at(1, 1)]));
    expect([made(), closed()]).toEqual([2, 1]);
    cluster.dest.set(boundAddr([at(0, 1), at(1, 3), at(2, 4)]));
    expect([made(), closed()]).toEqual([4, 1]);
    await cluster.service.close();
    expect([made(), closed()]).toEqual([4, 4]);
  });

  it("are closed when there is no other zone any more", async () => {
    const { kind, made, closed } = counted();
    const zoned = (...zones: readonly string[]) =>
      boundAddr(zones.map((zone, n) => ({ ...at(n), metadata: { zone } })));
    const params = Params.empty.with(ZonePreferenceParam, { zone: "a" });
    const cluster = new Cluster(kind, zoned("a", "a", "b"), { params });
    expect([made(), closed()]).toEqual([2, 0]);
    cluster.dest.set(zoned("a", "a"));
    expect([made(), closed()]).toEqual([2, 1]);
    cluster.dest.set(zoned("a", "b"));
    await cluster.service.close();
    expect([made(), closed()]).toEqual([3, 3]);
  });
});

/** Time that this process has worked: what else the machine does counts for nothing. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
