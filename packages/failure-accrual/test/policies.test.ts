import { ManualClock, seededRng } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import {
  consecutiveFailures,
  type FailureAccrualKind,
  type FailureAccrualPolicy,
  none,
  orElse,
  penaltyBackoff,
  successRate,
  successRateWindowed,
  unified,
} from "../src/index.ts";
import { listed } from "./backoffs.ts";

function policyOf(kind: FailureAccrualKind, clock = new ManualClock()): FailureAccrualPolicy {
  return kind.newPolicy(clock, seededRng(1));
}

describe("consecutiveFailures", () => {
  it("has the default waits of Linkerd 1: 5 s, then up to twice as long each time, to 300 s", () => {
    const policy = policyOf(consecutiveFailures(5));
    expect(policy.name).toBe("consecutiveFailures(5)");
    const waits = Array.from({ length: 12 }, () => policy.deadMs());
    expect(waits[0]).toBe(5_000);
    for (const [i, ms] of waits.slice(1, 6).entries()) {
      expect(ms).toBeGreaterThanOrEqual(5_000 * 2 ** i);
      expect(ms).toBeLessThan(10_000 * 2 ** i);
    }
    expect(waits.slice(-3)).toEqual([300_000, 300_000, 300_000]);
    policy.revived();
    expect(policy.deadMs()).toBe(5_000);
  });

  it("takes 0 for 1, and refuses what is no whole number", () => {
    expect(policyOf(consecutiveFailures(0)).recordFailure()).toBe(true);
    expect(policyOf(consecutiveFailures(1)).recordFailure()).toBe(true);
    for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => consecutiveFailures(bad)).toThrow(new RangeError(`failures must be a whole number, not ${bad}`));
    }
  });

  it("gives each endpoint a policy of its own", () => {
    const kind = consecutiveFailures(2);
    const one = policyOf(kind);
    const other = policyOf(kind);
    one.recordFailure();
    expect(other.recordFailure()).toBe(false);
    expect(one.recordFailure()).toBe(true);
  });
});

describe("successRate", () => {
  it("explains itself with its figures", () => {
    const policy = policyOf(successRate(0.9, 4));
    expect(policy.name).toBe("successRate(0.9, 4 requests)");
    policy.recordSuccess();
    expect(policy.recordFailure()).toBe(false);
    policy.recordSuccess();
    expect(policy.recordFailure()).toBe(true);
    const kept = Math.exp(-1 / 4);
    const rate = (kept * kept + 1 - kept) * kept;
    const { reason, figures } = policy.explain();
    expect(reason).toBe("success rate 64.46 % over 4 requests, below 90 %");
    expect(figures).toEqual({ successRate: expect.closeTo(rate, 12), requiredSuccessRate: 0.9, requests: 4 });
  });

  it("looks at the required rate as a bound that may be met", () => {
    // All failures give 0, which is not below 0; all successes give 1.
    const never = policyOf(successRate(0, 1));
    expect([never.recordFailure(), never.recordFailure()]).toEqual([false, false]);
    const always = policyOf(successRate(1, 1));
    expect([always.recordSuccess(), always.recordFailure()]).toEqual([false, true]);
  });

  it("takes the waits one by one, and begins anew when the endpoint is back", () => {
    const policy = policyOf(successRate(1, 2, listed(7, 8)));
    expect([policy.recordFailure(), policy.recordFailure()]).toEqual([false, true]);
    expect([policy.deadMs(), policy.deadMs(), policy.deadMs(), policy.deadMs()]).toEqual([7, 8, 300_000, 300_000]);
    policy.revived();
    expect(policy.deadMs()).toBe(7);
    expect([policy.recordFailure(), policy.recordFailure()]).toEqual([false, true]);
    expect(policyOf(successRate(1, 2)).deadMs()).toBe(5_000);
  });

  it("refuses a rate that is none, and no requests", () => {
    for (const bad of [-0.1, 1.1, Number.NaN]) {
      expect(() => successRate(bad, 10)).toThrow(new RangeError(`successRate must be from 0 to 1, not ${bad}`));
    }
    for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => successRate(0.5, bad)).toThrow(new RangeError(`requests must be above 0 and finite, not ${bad}`));
    }
  });
});

describe("successRateWindowed", () => {
  it("decides nothing before the window has passed since the start, and since a revival", async () => {
    const clock = new ManualClock(12_345);
    const policy = policyOf(successRateWindowed(0.8, 1_000), clock);
    expect(policy.name).toBe("successRateWindowed(0.8, 1000 ms)");
    for (let life = 0; life < 2; life++) {
      for (let i = 0; i < 9; i++) {
        expect(policy.recordFailure()).toBe(false);
        await clock.advance(111);
      }
      expect(policy.recordFailure()).toBe(false);
      await clock.advance(1);
      expect(policy.recordFailure()).toBe(true);
      policy.revived();
    }
  });

  it("needs so many requests in the window: 5 if it is not told", async () => {
    for (const [kind, least] of [
      [successRateWindowed(0.8, 1_000), 5],
      [successRateWindowed(0.8, 1_000, listed(1), 2), 2],
    ] as const) {
      const clock = new ManualClock();
      const policy = policyOf(kind, clock);
      policy.recordFailure();
      policy.recordSuccess();
      await clock.advance(10_000);
      for (let i = 1; i < least; i++) {
        expect(policy.recordFailure()).toBe(false);
        await clock.advance(1);
      }
      expect(policy.recordFailure()).toBe(true);
    }
  });

  it("averages by time: a call weighs as the time since the one before it", async () => {
    const clock = new ManualClock();
    const policy = policyOf(successRateWindowed(0.5, 1_000, listed(1), 0), clock);
    const rates: unknown[] = [];
    const steps = [
      ["bad", 300],
      ["ok", 1_000],
      ["bad", 0],
      ["ok", 500],
    ] as const;
    let expected = 1;
    for (const [what, ms] of steps) {
      await clock.advance(ms);
      if (what === "ok") policy.recordSuccess();
      else policy.recordFailure();
      const kept = rates.length === 0 ? 0 : Math.exp(-ms / 1_000);
      expected = expected * kept + (what === "ok" ? 1 - kept : 0);
      rates.push(policy.explain().figures["successRate"]);
      expect(rates.at(-1)).toBeCloseTo(expected, 12);
    }
    expect(policy.explain()).toEqual({
      reason: "success rate 77.69 % over 1000 ms (3 requests), below 50 %",
      figures: { successRate: expect.closeTo(expected, 12), requiredSuccessRate: 0.5, requests: 3, windowMs: 1_000 },
    });
    policy.revived();
    policy.recordFailure();
    expect(policy.explain().figures).toMatchObject({ successRate: 0, requests: 1 });
  });

  it("trips 6.69 s after a healthy endpoint begins to fail everything, with Finagle's own figures", async () => {
    const clock = new ManualClock();
    const policy = policyOf(successRateWindowed(0.8, 30_000), clock);
    for (let i = 0; i < 600; i++) {
      await clock.advance(100);
      policy.recordSuccess();
    }
    const fromMs = clock.now();
    do await clock.advance(100);
    while (!policy.recordFailure());
    expect(clock.now() - fromMs).toBe(6_700);
  });

  it("takes the waits one by one, and begins anew when the endpoint is back", () => {
    const policy = policyOf(successRateWindowed(1, 2, listed(7)));
    expect([policy.deadMs(), policy.deadMs()]).toEqual([7, 300_000]);
    policy.revived();
    expect(policy.deadMs()).toBe(7);
    expect(policyOf(successRateWindowed(1, 2)).deadMs()).toBe(5_000);
  });

  it("refuses figures that are none", () => {
    expect(() => successRateWindowed(2, 1_000)).toThrow("successRate must be from 0 to 1, not 2");
    expect(() => successRateWindowed(1, 0)).toThrow("windowMs must be above 0 and finite, not 0");
    expect(() => successRateWindowed(1, 1, listed(), 0.5)).toThrow("minRequests must be a whole number, not 0.5");
  });
});

describe("unified", () => {
  it("has the defaults of Linkerd 2: 7 in a row, or below 0.8 in 10 s from 5 requests on", () => {
    const clock = new ManualClock();
    const kind = unified();
    expect(kind.name).toBe("unified(7 in a row, 0.8 in 10000 ms)");
    const policy = policyOf(kind, clock);
    for (let i = 0; i < 100; i++) policy.recordSuccess();
    for (let i = 0; i < 6; i++) expect(policy.recordFailure()).toBe(false);
    expect(policy.recordFailure()).toBe(true);
    expect(policy.explain()).toEqual({
      reason: "7 failures in a row, of 7",
      figures: {
        consecutiveFailures: 7,
        maxConsecutiveFailures: 7,
        successRate: expect.closeTo(100 / 107, 12),
        requiredSuccessRate: 0.8,
        requests: 107,
        windowMs: 10_000,
      },
    });
    const other = policyOf(kind, clock);
    for (let i = 0; i < 4; i++) expect(other.recordFailure()).toBe(false);
    // Even a success can be the fifth call that makes the ratio tell.
    expect(other.recordSuccess()).toBe(true);
    expect(other.explain().reason).toBe("success rate 20 % of 5 requests in 10000 ms, below 80 %");
  });

  it("counts 429 against the ratio and in no row", () => {
    const kind = unified({ maxConsecutiveFailures: 3 });
    const policy = policyOf(kind);
    expect([policy.recordFailure(), policy.recordFailure()]).toEqual([false, false]);
    expect(policy.recordLimited?.()).toBe(false);
    expect(policy.explain().figures).toMatchObject({ consecutiveFailures: 0, successRate: 0, requests: 3 });
    expect(policy.recordLimited?.()).toBe(false);
    expect(policy.recordLimited?.()).toBe(true);
    expect(kind.isLimited?.({ status: 429 })).toBe(true);
    expect(kind.isLimited?.(new Response(null, { status: 429 }))).toBe(true);
    for (const rep of [{ status: 503 }, {}, undefined, null, "429", 429]) expect(kind.isLimited?.(rep)).toBe(false);
    const own = (rep: unknown): boolean => rep === "too much";
    expect(unified({ isLimited: own }).isLimited).toBe(own);
  });

  it("meets the ratio exactly without harm", () => {
    const policy = policyOf(unified({ successRate: 0.8, minRequests: 5 }));
    for (let i = 0; i < 4; i++) expect(policy.recordSuccess()).toBe(false);
    expect(policy.recordFailure()).toBe(false);
    expect(policy.recordFailure()).toBe(true);
  });

  it("does without either part", () => {
    const ratioOnly = policyOf(unified({ maxConsecutiveFailures: 0, minRequests: 10 }));
    for (let i = 0; i < 9; i++) expect(ratioOnly.recordFailure()).toBe(false);
    expect(ratioOnly.recordFailure()).toBe(true);
    expect(ratioOnly.explain().reason).toContain("success rate 0 % of 10 requests");
    const rowOnly = policyOf(unified({ maxConsecutiveFailures: 10, successRate: 0 }));
    for (let i = 0; i < 9; i++) expect(rowOnly.recordFailure()).toBe(false);
    expect(rowOnly.recordFailure()).toBe(true);
    expect(rowOnly.explain().figures).toMatchObject({ successRate: 1, requests: 0 });
    rowOnly.revived();
    expect(rowOnly.recordFailure()).toBe(false);
  });

  it("begins anew when the endpoint is back, and waits 1 s to 60 s with up to half as much again", () => {
    const policy = policyOf(unified());
    for (let i = 0; i < 5; i++) policy.recordFailure();
    const waits = Array.from({ length: 8 }, () => policy.deadMs());
    for (const [i, ms] of waits.entries()) {
      const base = Math.min(1_000 * 2 ** i, 60_000);
      expect(ms).toBeGreaterThanOrEqual(base);
      expect(ms).toBeLessThan(base * 1.5);
    }
    const least = unified().newPolicy(new ManualClock(), { next: () => 0 });
    expect([...waits.keys()].map(() => least.deadMs())).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
    ]);
    policy.revived();
    expect(policy.explain().figures).toMatchObject({ consecutiveFailures: 0, requests: 0 });
    for (let i = 0; i < 4; i++) expect(policy.recordFailure()).toBe(false);
    expect(policy.recordFailure()).toBe(true);
    expect(policy.deadMs()).toBeLessThan(1_500);
  });

  it("refuses figures that are none", () => {
    expect(() => unified({ maxConsecutiveFailures: -1 })).toThrow("maxConsecutiveFailures must be a whole number");
    expect(() => unified({ successRate: 1.01 })).toThrow("successRate must be from 0 to 1, not 1.01");
    expect(() => unified({ minRequests: 2.5 })).toThrow("minRequests must be a whole number, not 2.5");
    for (const bad of [9.9, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => unified({ windowMs: bad })).toThrow(`windowMs must be at least 10 and finite, not ${bad}`);
    }
    expect(unified({ windowMs: 10 }).name).toBe("unified(7 in a row, 0.8 in 10 ms)");
  });
});

describe("orElse", () => {
  const row = consecutiveFailures(2, listed(10, 40));
  const rate = successRate(0.5, 3, listed(20, 30));

  it("takes the longer wait when both want it, and moves on only who does", () => {
    const policy = policyOf(orElse(row, rate));
    expect(policy.name).toBe("consecutiveFailures(2) or successRate(0.5, 3 requests)");
    expect(policy.recordFailure()).toBe(false);
    expect(policy.recordFailure()).toBe(true);
    expect(policy.deadMs()).toBe(10);
    expect(policy.explain().reason).toBe("2 failures in a row, of 2");
    expect(policy.recordFailure()).toBe(true);
    expect(policy.explain().reason).toBe("3 failures in a row, of 2; success rate 0 % over 3 requests, below 50 %");
    expect(policy.deadMs()).toBe(40);
    expect(policy.deadMs()).toBe(300_000);
    policy.revived();
    expect(policy.recordFailure()).toBe(false);
    expect(policy.recordSuccess()).toBe(false);
    expect(policy.recordFailure()).toBe(true);
    expect(policy.explain()).toEqual({
      reason: expect.stringMatching(/^success rate/),
      figures: {
        consecutiveFailures: 1,
        maxConsecutiveFailures: 2,
        successRate: expect.any(Number),
        requiredSuccessRate: 0.5,
        requests: 3,
      },
    });
    expect(policy.deadMs()).toBe(20);
  });

  it("goes by who last wanted it, when a probe fails that neither minds", () => {
    const policy = policyOf(orElse(row, rate));
    policy.recordFailure();
    policy.recordFailure();
    policy.recordSuccess();
    expect(policy.deadMs()).toBe(10);
  });

  it("tells limited answers to who knows of them, and successes to who does not", () => {
    const known = unified({ maxConsecutiveFailures: 0, minRequests: 2, isLimited: (rep) => rep === "slow down" });
    const kind = orElse(consecutiveFailures(2), known);
    const policy = policyOf(kind);
    expect(policy.recordFailure()).toBe(false);
    expect(policy.recordLimited?.()).toBe(true);
    expect(policy.explain().figures).toMatchObject({ consecutiveFailures: 0, successRate: 0 });
    expect(policyOf(orElse(known, row)).recordLimited?.()).toBe(false);
    expect(kind.isLimited?.("slow down")).toBe(true);
    expect(orElse(known, row).isLimited?.("slow down")).toBe(true);
    expect(orElse(row, rate).isLimited).toBeUndefined();
    const both = orElse(known, unified());
    expect([both.isLimited?.("slow down"), both.isLimited?.({ status: 429 }), both.isLimited?.(1)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("is the other one when one is none", () => {
    expect(orElse(none, row)).toBe(row);
    expect(orElse(row, none)).toBe(row);
  });
});

describe("none", () => {
  it("wants nobody out", () => {
    const policy = policyOf(none);
    expect([policy.recordFailure(), policy.recordSuccess(), policy.deadMs()]).toEqual([false, false, 0]);
    policy.revived();
    expect(policy.explain()).toEqual({ reason: "nothing is judged", figures: {} });
    expect([none.name, policy.name]).toEqual(["none", "none"]);
  });
});

describe("penaltyBackoff", () => {
  const waits = (ratio: number, next: number): readonly (number | undefined)[] => {
    const backoff = penaltyBackoff({ minMs: 100, maxMs: 500, jitterRatio: ratio });
    return [0, 1, 2, 3, 5_000].map((attempt) => backoff.delayMs(attempt, 0, { next: () => next }));
  };

  it("doubles up to its most, and adds its share of that at random", () => {
    expect(waits(0, 0.5)).toEqual([100, 200, 400, 500, 500]);
    expect(waits(0.5, 0.5)).toEqual([125, 250, 500, 625, 625]);
    expect(waits(100, 0.5)[0]).toBe(5_100);
    expect(penaltyBackoff({ minMs: 1, maxMs: 1, jitterRatio: 0 }).name).toBe("penalty(1, 1, 0)");
  });

  it("refuses figures that are none", () => {
    const make = (minMs: number, maxMs: number, jitterRatio: number) => () =>
      penaltyBackoff({ minMs, maxMs, jitterRatio });
    expect(make(0, 1, 0)).toThrow("minMs must be above 0 and finite, not 0");
    expect(make(1, Number.POSITIVE_INFINITY, 0)).toThrow("maxMs must be above 0 and finite, not Infinity");
    expect(make(2, 1, 0)).toThrow("maxMs must be at least minMs: 1 is below 2");
    expect(make(1, 1, 100.5)).toThrow("jitterRatio must be from 0 to 100, not 100.5");
    expect(make(1, 1, -0.5)).toThrow("jitterRatio must be from 0 to 100, not -0.5");
  });
});
