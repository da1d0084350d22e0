import { ClockParam, Ctx, Params, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { answerOk, ManualClock, MemoryStats, ScriptedService } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DeadlineMaxRejectFraction, DeadlineModeParam, DeadlineRejectPeriodMs, deadline } from "../src/index.ts";
import { callEnding } from "./call-ending.ts";

const arbMs = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0.1, max: 2000, noNaN: true }));

function build(clock: ManualClock, inner: Service<string, string>, params: Params): Service<string, string> {
  return new Stack([deadline<string, string>()], () => inner).make(params.with(ClockParam, clock));
}

describe("the deadline module", () => {
  it("11.12.1: ends a call at the earlier of reply and deadline, and cancels what stands below only then", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), arbMs, arbMs, async (startMs, leftMs, replyMs) => {
        const clock = new ManualClock(startMs);
        const inner = new ScriptedService<string, string>(clock, [answerOk("rep", replyMs)]);
        const ctx = new Ctx();
        ctx.deadline = startMs + leftMs;
        const ending = callEnding(clock, build(clock, inner, Params.empty), ctx);
        await clock.advance(2001);
        const inTime = startMs + replyMs < startMs + leftMs;
        expect(ending()?.result).toBe(inTime ? "rep" : "WEFT_DEADLINE");
        expect(ending()?.atMs).toBeCloseTo(startMs + Math.min(replyMs, leftMs), 6);
        expect(inner.calls[0]?.outcome).toBe(inTime ? "ok" : "cancelled");
        expect(clock.armed).toBe(0);
      }),
    );
  });

  const arbCall = fc.record({
    /** The next call comes so much later. */
    waitMs: fc.oneof(fc.constant(0), fc.nat(300), fc.nat(3000)),
    /** What is left of its deadline, if it has one. */
    leftMs: fc.option(fc.oneof(fc.constant(0), fc.integer({ min: -50, max: 50 })), { nil: undefined }),
  });
  interface Plan {
    readonly fraction: number;
    readonly periodMs: number;
    readonly calls: readonly { readonly waitMs: number; readonly leftMs: number | undefined }[];
  }
  const arbPlan: fc.Arbitrary<Plan> = fc.record({
    fraction: fc.constantFrom(0.1, 0.2, 0.3, 0.5, 1, 3),
    periodMs: fc.constantFrom(1000, 2500, 10_000),
    calls: fc.array(arbCall, { minLength: 1, maxLength: 120 }),
  });

  interface Seen {
    readonly atMs: number;
    readonly late: boolean;
    readonly rejected: boolean;
    readonly counted: number;
  }

  /** Makes the calls of a plan, and tells of each whether it was passed on and what `rejected` said behind it. */
  async function drive(plan: Plan, mode: "enforce" | "observe") {
    const clock = new ManualClock(123);
    const stats = new MemoryStats();
    const inner = new ScriptedService<string, string>(clock, [answerOk("rep")]);
    const params = Params.empty
      .with(DeadlineMaxRejectFraction, plan.fraction)
      .with(DeadlineRejectPeriodMs, plan.periodMs)
      .with(DeadlineModeParam, mode)
      .with(StatsParam, stats);
    const svc = build(clock, inner, params);
    const seen: Seen[] = [];
    const results: string[] = [];
    for (const { waitMs, leftMs } of plan.calls) {
      await clock.advance(waitMs);
      const ctx = new Ctx();
      if (leftMs !== undefined) ctx.deadline = clock.now() + leftMs;
      const before = inner.calls.length;
      const ending = callEnding(clock, svc, ctx);
      await clock.advance(0);
      results.push(ending()?.result ?? "pending");
      seen.push({
        atMs: clock.now(),
        late: leftMs !== undefined && leftMs <= 0,
        rejected: inner.calls.length === before,
        counted: stats.readCounter("admission_control/deadline/rejected"),
      });
    }
    return { seen, results };
  }

  it("11.12.6: decides as the model of the leaky bucket does: a reject needs its price in the last ten slots", async () => {
    await fc.assert(
      fc.asyncProperty(arbPlan, async (plan) => {
        const { seen } = await drive(plan, "enforce");
        const price = Math.floor(1000 / plan.fraction);
        const slotOf = (ms: number): number => Math.floor((ms * 10) / plan.periodMs);
        const tokens: { slot: number; tokens: number }[] = [];
        for (const call of seen) {
          const slot = slotOf(call.atMs);
          const balance = tokens.filter((each) => each.slot > slot - 10).reduce((sum, each) => sum + each.tokens, 0);
          const rejects = call.late && balance >= price;
          expect(call.rejected).toBe(rejects);
          tokens.push({ slot, tokens: rejects ? -price : 1000 });
        }
      }),
    );
  });

  it("11.12.6: never rejects what is not late, nor without as many served as its fraction says", async () => {
    await fc.assert(
      fc.asyncProperty(arbPlan, async (plan) => {
        const { seen } = await drive(plan, "enforce");
        let served = 0;
        for (const call of seen) {
          if (!call.late) expect(call.rejected).toBe(false);
          if (served < Math.floor(1000 / plan.fraction) / 1000) expect(call.rejected).toBe(false);
          if (!call.rejected) served++;
        }
        // Over any span: what was rejected within it was paid for within it, or within a period before it.
        const times = seen.map(({ atMs }) => atMs);
        for (const fromMs of times) {
          for (const toMs of times) {
            const rejected = seen.filter((each) => each.rejected && each.atMs >= fromMs && each.atMs <= toMs).length;
            const paid = seen.filter(
              (each) => !each.rejected && each.atMs > fromMs - plan.periodMs && each.atMs <= toMs,
            ).length;
            expect(rejected * Math.floor(1000 / plan.fraction)).toBeLessThanOrEqual(paid * 1000);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it("11.12.6: rejects exactly every sixth of calls that are all late, at 0.2, and none of the first five", async () => {
    const calls = Array.from({ length: 600 }, () => ({ waitMs: 1, leftMs: -1 }));
    const { seen } = await drive({ fraction: 0.2, periodMs: 10_000, calls }, "enforce");
    for (const [n, call] of seen.entries()) expect(call.rejected).toBe(n % 6 === 5);
  });

  it("11.12.6: changes no result while it observes, and counts what it would have rejected", async () => {
    await fc.assert(
      fc.asyncProperty(arbPlan, async (plan) => {
        const observed = await drive(plan, "observe");
        const enforced = await drive(plan, "enforce");
        expect(observed.results.every((result) => result === "rep")).toBe(true);
        expect(observed.seen.map(({ counted }) => counted)).toEqual(enforced.seen.map(({ counted }) => counted));
        expect(enforced.seen.at(-1)?.counted).toBe(enforced.seen.filter(({ rejected }) => rejected).length);
      }),
      { numRuns: 40 },
    );
  });

  it("C21: rejects everything that is late when no fraction is set", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbCall, { maxLength: 40 }), async (calls) => {
        const plan = { fraction: Number.POSITIVE_INFINITY, periodMs: 10_000, calls };
        const { seen } = await drive(plan, "enforce");
        for (const call of seen) expect(call.rejected).toBe(call.late);
      }),
    );
  });
});
