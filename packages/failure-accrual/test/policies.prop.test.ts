import { arbScript, ManualClock, type ScriptStep, seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  consecutiveFailures,
  type FailureAccrualKind,
  type FailureAccrualPolicy,
  orElse,
  successRate,
  successRateWindowed,
  unified,
} from "../src/index.ts";
import { growing, listed } from "./backoffs.ts";

type Step = "ok" | "bad" | "limited" | "revived";
const arbStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Step>("ok") },
  { weight: 8, arbitrary: fc.constant<Step>("bad") },
  { weight: 1, arbitrary: fc.constant<Step>("revived") },
);
const arbRate = fc.double({ min: 0, max: 1, noNaN: true });

/** Scripts that outlive a window or two. */
function longScript(step: fc.Arbitrary<Step>, windowMs: number): fc.Arbitrary<readonly ScriptStep<Step>[]> {
  return fc
    .array(arbScript(step, { windowMs, maxLength: 20 }), { maxLength: 8, size: "max" })
    .map((each) => each.flat());
}

/** What the policy says to a step. */
function tell(policy: FailureAccrualPolicy, step: Step): boolean {
  if (step === "ok") return policy.recordSuccess();
  if (step === "bad") return policy.recordFailure();
  if (step === "limited") return policy.recordLimited?.() ?? policy.recordSuccess();
  policy.revived();
  return false;
}

function policyOf(kind: FailureAccrualKind, clock: ManualClock = new ManualClock()): FailureAccrualPolicy {
  return kind.newPolicy(clock, seededRng(7));
}

describe("consecutiveFailures", () => {
  it("wants an endpoint out exactly from n failures in a row on, since the last success or revival", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(arbStep, { maxLength: 60, size: "max" }), (n, steps) => {
        const policy = policyOf(consecutiveFailures(n));
        steps.forEach((step, i) => {
          const recent = steps.slice(0, i + 1);
          const row = recent.length - 1 - recent.findLastIndex((each) => each !== "bad");
          expect(tell(policy, step)).toBe(step === "bad" && row >= n);
        });
      }),
    );
  });
});

describe("the waits of every kind", () => {
  const kinds: Record<string, FailureAccrualKind> = {
    consecutiveFailures: consecutiveFailures(1, growing),
    successRate: successRate(1, 1, growing),
    successRateWindowed: successRateWindowed(1, 1, growing),
    unified: unified({ maxConsecutiveFailures: 1, backoff: growing }),
  };

  it.each(Object.keys(kinds))("of %s are its backoff's, in order, and begin anew with each revival", (name) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 5 }), (outages) => {
        const policy = policyOf(kinds[name] as FailureAccrualKind);
        const rng = seededRng(7);
        for (const waits of outages) {
          let previousMs = 0;
          for (let attempt = 0; attempt < waits; attempt++) {
            previousMs = growing.delayMs(attempt, previousMs, rng) as number;
            expect(policy.deadMs()).toBe(previousMs);
          }
          policy.revived();
        }
      }),
    );
  });

  it("are 300 s for ever once the backoff has ended", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100), { maxLength: 5 }), fc.nat(5), (waits, more) => {
        const policy = policyOf(consecutiveFailures(1, listed(...waits)));
        for (const ms of waits) expect(policy.deadMs()).toBe(ms);
        for (let i = 0; i <= more; i++) expect(policy.deadMs()).toBe(300_000);
      }),
    );
  });
});

describe("successRate", () => {
  it("agrees with the average in closed form, says nothing before its window, and nothing to a success", () => {
    fc.assert(
      fc.property(
        arbRate,
        fc.integer({ min: 1, max: 20 }),
        fc.array(arbStep, { maxLength: 80, size: "max" }),
        (required, requests, steps) => {
          const policy = policyOf(successRate(required, requests));
          let life: number[] = [];
          for (const step of steps) {
            const wants = tell(policy, step);
            if (step === "revived") {
              life = [];
              continue;
            }
            life.push(step === "ok" ? 1 : 0);
            const kept = Math.exp(-1 / requests);
            // The first weighs as all that might have been before it.
            const rate = life.reduce((sum, each, i) => {
              const weight = i === 0 ? kept ** (life.length - 1) : (1 - kept) * kept ** (life.length - 1 - i);
              return sum + each * weight;
            }, 0);
            expect(policy.explain().figures["successRate"]).toBeCloseTo(rate, 9);
            if (Math.abs(rate - required) < 1e-9) continue;
            expect(wants).toBe(step === "bad" && life.length >= requests && rate < required);
          }
        },
      ),
    );
  });

  it("never wants out who only succeeds, and wants out by the end of its window who only fails", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 50 }),
        fc.nat(200),
        (required, requests, n) => {
          const good = policyOf(successRate(required, requests));
          for (let i = 0; i < n; i++) expect(good.recordSuccess()).toBe(false);
          const bad = policyOf(successRate(required, requests));
          for (let i = 1; i < requests; i++) expect(bad.recordFailure()).toBe(false);
          expect(bad.recordFailure()).toBe(true);
        },
      ),
    );
  });
});

describe("successRateWindowed", () => {
  const windowMs = 1_000;

  it("wants an endpoint out only after the window, with enough requests in it, below the rate", async () => {
    await fc.assert(
      fc.asyncProperty(arbRate, fc.nat(8), longScript(arbStep, windowMs), async (required, minRequests, script) => {
        const clock = new ManualClock(123);
        const policy = policyOf(successRateWindowed(required, windowMs, growing, minRequests), clock);
        let sinceMs = clock.now();
        let life: { atMs: number; x: number }[] = [];
        for (const { dtMs, event } of script) {
          await clock.advance(dtMs);
          const nowMs = clock.now();
          const wants = tell(policy, event);
          if (event === "revived") {
            sinceMs = nowMs;
            life = [];
            continue;
          }
          life.push({ atMs: nowMs, x: event === "ok" ? 1 : 0 });
          let rate = 0;
          let lastMs = Number.NEGATIVE_INFINITY;
          for (const { atMs, x } of life) {
            const kept = Math.exp((lastMs - atMs) / windowMs);
            rate = rate * kept + x * (1 - kept);
            lastMs = atMs;
          }
          if (Math.abs(rate - required) < 1e-9) continue;
          // By slices of a tenth, aligned to the clock.
          const slice = (ms: number): number => Math.floor(ms / (windowMs / 10));
          const recent = life.filter((each) => slice(nowMs) - slice(each.atMs) < 10).length;
          expect(wants).toBe(
            event === "bad" && nowMs - sinceMs >= windowMs && rate < required && recent >= minRequests,
          );
        }
      }),
    );
  });
});

describe("unified", () => {
  const windowMs = 1_000;
  const arbUnifiedStep: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.constant<Step>("ok") },
    { weight: 4, arbitrary: fc.constant<Step>("bad") },
    { weight: 2, arbitrary: fc.constant<Step>("limited") },
    { weight: 1, arbitrary: fc.constant<Step>("revived") },
  );

  it("decides by the row of failures and the exact counts of the last slices alone", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0, 1, 3, 5),
        fc.constantFrom(0, 0.25, 0.5, 0.8, 1),
        fc.nat(6),
        longScript(arbUnifiedStep, windowMs),
        async (maxConsecutiveFailures, rate, minRequests, script) => {
          const clock = new ManualClock(77);
          const options = { maxConsecutiveFailures, successRate: rate, minRequests, windowMs };
          const policy = policyOf(unified(options), clock);
          let life: { slice: number; step: Step }[] = [];
          for (const { dtMs, event } of script) {
            await clock.advance(dtMs);
            const wants = tell(policy, event);
            if (event === "revived") {
              life = [];
              continue;
            }
            const now = Math.floor(clock.now() / 100);
            life.push({ slice: now, step: event });
            const row = life.length - 1 - life.findLastIndex((each) => each.step !== "bad");
            const recent = life.filter((each) => now - each.slice < 10);
            const good = recent.filter((each) => each.step === "ok").length;
            const tooFew = rate > 0 && recent.length >= minRequests && good / recent.length < rate;
            expect(wants).toBe((maxConsecutiveFailures > 0 && row >= maxConsecutiveFailures) || tooFew);
          }
        },
      ),
    );
  });

  it("decides the same when every call comes k times, for it does not look at the rate of calls", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0.25, 0.5, 0.8, 1),
        fc.integer({ min: 2, max: 5 }),
        longScript(fc.constantFrom<Step>("ok", "ok", "bad", "limited"), windowMs),
        async (rate, k, script) => {
          const clock = new ManualClock();
          const ratio = { maxConsecutiveFailures: 0, successRate: rate, windowMs };
          const once = policyOf(unified({ ...ratio, minRequests: 4 }), clock);
          const often = policyOf(unified({ ...ratio, minRequests: 4 * k }), clock);
          for (const { dtMs, event } of script) {
            await clock.advance(dtMs);
            const wants = tell(once, event);
            let lastSays = false;
            for (let i = 0; i < k; i++) lastSays = tell(often, event);
            expect(lastSays).toBe(wants);
          }
        },
      ),
    );
  });

  it("decides by counts in any order: a window full of the same calls is judged the same", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom<Step>("ok", "bad", "limited"), { minLength: 1, maxLength: 30 }),
        fc.constantFrom(0.25, 0.5, 0.8, 1),
        fc.nat(),
        (steps, rate, seed) => {
          const judge = (order: readonly Step[]): boolean => {
            const policy = policyOf(unified({ maxConsecutiveFailures: 0, successRate: rate, minRequests: 1 }));
            return order.map((step) => tell(policy, step)).at(-1) as boolean;
          };
          const rng = seededRng(seed);
          const shuffled = steps.map((step) => ({ step, key: rng.next() })).sort((a, b) => a.key - b.key);
          expect(judge(shuffled.map((each) => each.step))).toBe(judge(steps));
        },
      ),
    );
  });
});

describe("orElse", () => {
  it("tells both everything, wants what either wants, and waits as long as the longer of those who do", () => {
    const a = consecutiveFailures(2, listed(10, 200, 30));
    const b = successRate(0.6, 3, listed(100, 20, 300));
    fc.assert(
      fc.property(fc.array(arbStep, { maxLength: 60, size: "max" }), (steps) => {
        const both = policyOf(orElse(a, b));
        const aloneA = policyOf(a);
        const aloneB = policyOf(b);
        for (const step of steps) {
          const wantsA = tell(aloneA, step);
          const wantsB = tell(aloneB, step);
          expect(tell(both, step)).toBe(wantsA || wantsB);
          expect(both.explain().figures).toEqual({ ...aloneB.explain().figures, ...aloneA.explain().figures });
          if (!wantsA && !wantsB) continue;
          const longer = Math.max(wantsA ? aloneA.deadMs() : 0, wantsB ? aloneB.deadMs() : 0);
          expect(both.deadMs()).toBe(longer);
        }
      }),
    );
  });
});
