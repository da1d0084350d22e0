import { Ctx, ok, Params } from "@weftmesh/core";
import { boundAddr } from "@weftmesh/naming";
import { describe, expect, it } from "vitest";
import { type BalancerKind, leastLoaded, PanicThresholdParam, peakEwma, ringHash } from "../src/index.ts";
import { at, bound, Cluster } from "./cluster.ts";

function call(cluster: Cluster, req = "req"): void {
  const ctx = new Ctx();
  void cluster.service.call(req, ctx);
  ctx.end(ok);
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** A cluster of 10 that have all had calls, of which the first so many are busy now. */
async function withBusy(busy: number, percent: number, kind: BalancerKind = leastLoaded()): Promise<Cluster> {
  const params = Params.empty.with(PanicThresholdParam, percent);
  const cluster = new Cluster(kind, bound(...upTo(10)), { params });
  for (let i = 0; i < 500; i++) call(cluster, `key ${i}`);
  for (let n = 0; n < busy; n++) (cluster.endpoint(n) as { status: string }).status = "busy";
  await cluster.clock.advance(100);
  return cluster;
}

function calls(cluster: Cluster): number[] {
  return upTo(10).map((n) => cluster.endpoint(n)?.calls.length ?? 0);
}

describe("the panic threshold", () => {
  it("G23: with fewer open than it says, ejected endpoints get calls as if they were open; with as many, none", async () => {
    for (const [busy, percent, panics] of [
      [5, 50, false],
      [6, 50, true],
      [7, 30, false],
      [8, 30, true],
      [1, 100, true],
      [0, 100, false],
      [10, 1, true],
    ] as const) {
      const cluster = await withBusy(busy, percent, leastLoaded({ maxEffort: 50 }));
      const before = calls(cluster);
      for (let i = 0; i < 10_000; i++) call(cluster);
      const got = calls(cluster).map((count, n) => count - (before[n] as number));
      const picks = cluster.stats.readCounter("loadbalancer/panic_picks");
      expect([picks, cluster.stats.readGauge("loadbalancer/panicking")]).toEqual(panics ? [10_000, 1] : [0, 0]);
      const expected = panics ? 1000 : 10_000 / (10 - busy);
      for (const [n, count] of got.entries()) {
        if (!panics && n < busy) expect(count).toBe(0);
        else expect(Math.abs(count - expected)).toBeLessThanOrEqual(5 * Math.sqrt(expected));
      }
      expect(cluster.stats.readCounter("loadbalancer/max_effort_exhausted")).toBe(0);
    }
  });

  it("is over as soon as enough are open again", async () => {
    const cluster = await withBusy(9, 50);
    call(cluster);
    for (let n = 0; n < 9; n++) (cluster.endpoint(n) as { status: string }).status = "open";
    await cluster.clock.advance(99);
    call(cluster);
    expect(cluster.stats.readCounter("loadbalancer/panic_picks")).toBe(2);
    await cluster.clock.advance(1);
    call(cluster);
    expect(cluster.stats.readCounter("loadbalancer/panic_picks")).toBe(2);
    // A changed set is counted at once.
    for (let n = 0; n < 9; n++) (cluster.endpoint(n) as { status: string }).status = "busy";
    cluster.dest.set(bound(...upTo(11)));
    call(cluster);
    expect(cluster.stats.readCounter("loadbalancer/panic_picks")).toBe(3);
  });

  it("goes by load in panic, and by key where there is one", async () => {
    const loaded = await withBusy(9, 50);
    loaded.script = () => ({ kind: "never" });
    for (let i = 0; i < 100; i++) loaded.service.call("req", new Ctx()).catch(() => {});
    const pending = loaded.all().map((each) => each.inFlight);
    expect(Math.max(...pending) - Math.min(...pending)).toBeLessThanOrEqual(5);
    const keyed = await withBusy(9, 50, ringHash<string>({ key: (req) => req }));
    const before = calls(keyed);
    const idle = await withBusy(0, 50, ringHash<string>({ key: (req) => req }));
    const beforeIdle = calls(idle);
    for (const each of [keyed, idle]) for (let i = 0; i < 100; i++) call(each, `key ${i}`);
    expect(calls(keyed).map((count, n) => count - (before[n] as number))).toEqual(
      calls(idle).map((count, n) => count - (beforeIdle[n] as number)),
    );
  });

  it("spans the weight classes: a class that is all down gets its share in panic", async () => {
    const params = Params.empty.with(PanicThresholdParam, 60);
    const cluster = new Cluster(peakEwma(), boundAddr([at(0, 1), at(1, 1), at(2, 3), at(3, 3)]), { params });
    for (let i = 0; i < 200; i++) call(cluster);
    for (const n of [2, 3]) (cluster.endpoint(n) as { status: string }).status = "busy";
    await cluster.clock.advance(100);
    const before = calls(cluster);
    for (let i = 0; i < 10_000; i++) call(cluster);
    const heavy = [2, 3].reduce((sum, n) => sum + (calls(cluster)[n] as number) - (before[n] as number), 0);
    expect(Math.abs(heavy / 10_000 - 0.75)).toBeLessThanOrEqual(5 * Math.sqrt((0.75 * 0.25) / 10_000));
  });

  it("is off by default, with no metric of its own, and nobody panics over nothing", async () => {
    const off = await withBusy(9, 0);
    for (let i = 0; i < 100; i++) call(off);
    expect(off.stats.names().filter((name) => name.includes("panic"))).toEqual([]);
    const empty = new Cluster(leastLoaded(), boundAddr([]), { params: Params.empty.with(PanicThresholdParam, 100) });
    await expect(empty.service.call("req", new Ctx())).rejects.toMatchObject({ code: "WEFT_NO_ENDPOINTS" });
    expect(empty.stats.readGauge("loadbalancer/panicking")).toBe(0);
    await empty.service.close();
    expect(empty.stats.readGauge("loadbalancer/panicking")).toBeUndefined();
  });
});
