import { Ctx, ok } from "@weftmesh/core";
import { ManualClock, seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BalancerKind, leastLoaded, P2c, peakEwma, SlowStart } from "../src/index.ts";
import { bound, Cluster } from "./cluster.ts";

const arbOptions = fc.record({
  windowMs: fc.integer({ min: 1, max: 100_000 }),
  aggression: fc.constantFrom(0.25, 1, 2, 10),
  minShare: fc.constantFrom(0, 0.1, 0.5, 1),
});

const fiveSigma = (p: number, n: number): number => 5 * Math.sqrt((p * (1 - p)) / n);

describe("slow start", () => {
  it("gives a share that never shrinks, from the least to a full one at the end of the window", () => {
    fc.assert(
      fc.property(arbOptions, fc.array(fc.double({ min: -1, max: 2, noNaN: true })), fc.nat(), (options, at, since) => {
        const slowStart = new SlowStart(options);
        const node = { sinceMs: since };
        let before = 0;
        for (const part of at.sort((a, b) => a - b)) {
          const share = slowStart.share(node, since + part * options.windowMs);
          expect(share).toBeGreaterThanOrEqual(Math.max(before, options.minShare, 0.001));
          expect(share).toBeLessThanOrEqual(1);
          before = share;
        }
        expect(slowStart.share(node, since)).toBe(Math.max(options.minShare, 0.001));
        expect(slowStart.share(node, since + options.windowMs)).toBe(1);
      }),
    );
  });

  it("grows in a straight line, sooner with more aggression and later with less", () => {
    const at = (aggression: number | undefined): number[] => {
      const slowStart = new SlowStart({
        windowMs: 1000,
        minShare: 0,
        ...(aggression === undefined ? {} : { aggression }),
      });
      return [250, 500, 810].map((nowMs) => slowStart.share({ sinceMs: 0 }, nowMs));
    };
    expect(at(undefined)).toEqual([0.25, 0.5, 0.81]);
    expect(at(2)).toEqual([0.5, Math.sqrt(0.5), 0.9]);
    expect(at(0.5)).toEqual([0.0625, 0.25, expect.closeTo(0.6561, 12)]);
    // What makes no sense is a straight line.
    expect(at(0)).toEqual([0.25, 0.5, 0.81]);
    expect(new SlowStart({ windowMs: 1000 }).share({ sinceMs: 0 }, 1)).toBe(0.1);
  });

  it("is over when the last to join has its full share", () => {
    const slowStart = new SlowStart({ windowMs: 1000 });
    expect(slowStart.active(0)).toBe(false);
    slowStart.rebuild([{ sinceMs: 500 }, { sinceMs: 700 }, { sinceMs: 0 }]);
    expect([slowStart.active(1699), slowStart.active(1700)]).toEqual([true, false]);
    slowStart.rebuild([{ sinceMs: 0 }]);
    expect(slowStart.active(1000)).toBe(false);
  });

  it("lets a new one win as much less often as its share is less, and takes nobody open for one that is not", () => {
    const n = 10;
    const calls = 50_000;
    for (const age of [0, 0.3, 0.6, 0.95, 1]) {
      const clock = new ManualClock(10_000 + 1000 * age);
      const p2c = new P2c<{ id: number; status: "open" | "busy"; sinceMs: number; load(): number }>(
        seededRng(1),
        clock,
        new SlowStart({ windowMs: 1000, minShare: 0.2 }),
      );
      const nodes = Array.from({ length: n }, (_, id) => ({
        id,
        status: "open" as const,
        sinceMs: id === 0 ? 10_000 : 0,
        // The new one would win every pair.
        load: () => (id === 0 ? 0 : 1),
      }));
      p2c.rebuild(nodes);
      for (const pick of [() => p2c.pick(), () => p2c.pickOpen(), () => p2c.pickAny()]) {
        let fresh = 0;
        for (let i = 0; i < calls; i++) if (pick()?.id === 0) fresh++;
        const expected = (Math.max(age, 0.2) * 2) / n;
        expect(Math.abs(fresh / calls - expected)).toBeLessThanOrEqual(fiveSigma(expected, calls));
      }
      p2c.rebuild(nodes.map((node) => (node.id === 0 ? node : { ...node, status: "busy" as const })));
      for (let i = 0; i < 200; i++) expect([0, undefined]).toContain(p2c.pickOpen()?.id);
    }
  });

  it("changes nothing among those that are all as new", () => {
    for (const ageMs of [0, 500]) {
      const clock = new ManualClock(ageMs);
      const p2c = new P2c<{ id: number; status: "open"; sinceMs: number; load(): number }>(
        seededRng(1),
        clock,
        new SlowStart({ windowMs: 1000 }),
      );
      p2c.rebuild([0, 1, 2, 3].map((id) => ({ id, status: "open", sinceMs: 0, load: () => id })));
      const counts = [0, 0, 0, 0];
      for (let i = 0; i < 12_000; i++) counts[p2c.pick().id]!++;
      // Of the six pairs, the best wins three and the worst none.
      for (const [id, wins] of [3, 2, 1, 0].entries()) {
        expect(Math.abs((counts[id] as number) / 12_000 - wins / 6)).toBeLessThanOrEqual(fiveSigma(wins / 6, 12_000));
      }
    }
  });
});

describe.each<[string, (windowMs: number) => BalancerKind]>([
  ["least load", (windowMs) => leastLoaded({ slowStart: { windowMs } })],
  ["peak EWMA", (windowMs) => peakEwma({ slowStart: { windowMs }, defaultRttMs: 10 })],
])("an endpoint that joins, by %s", (_name, kind) => {
  it("comes to its share over the window, step by step, and others are all alike", async () => {
    const cluster = new Cluster(kind(10_000), bound(...Array.from({ length: 9 }, (_, n) => n)));
    const perStep = 20_000;
    const round = (): number => {
      const before = cluster.endpoint(9)?.calls.length ?? 0;
      for (let i = 0; i < perStep; i++) {
        const ctx = new Ctx();
        void cluster.service.call("req", ctx);
        // Everybody takes no time: who wins a pair is chance alone.
        ctx.end(ok);
      }
      return ((cluster.endpoint(9)?.calls.length ?? 0) - before) / perStep;
    };
    round();
    await cluster.clock.advance(60_000);
    cluster.dest.set(bound(...Array.from({ length: 10 }, (_, n) => n)));
    const shares: number[] = [];
    for (let step = 0; step <= 10; step++) {
      shares.push(round());
      await cluster.clock.advance(1000);
    }
    shares.forEach((share, step) => {
      const full = 0.1;
      const expected = full * Math.max(step / 10, 0.1);
      expect(Math.abs(share - expected)).toBeLessThanOrEqual(fiveSigma(full, perStep));
      if (step > 1) expect(share).toBeGreaterThan(shares[step - 2] as number);
    });
  });
});

it("slow start of no time is none", () => {
  for (const windowMs of [0, -1, Number.NaN]) {
    const cluster = new Cluster(leastLoaded({ slowStart: { windowMs } }), bound(0, 1));
    void cluster.service.call("req", new Ctx());
    expect(cluster.all()).toHaveLength(1);
  }
});
