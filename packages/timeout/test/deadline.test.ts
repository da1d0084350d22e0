import { ClockParam, Ctx, dispatch, hasFlag, ok, Params, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { answerNever, answerOk, describeModule, ManualClock, MemoryStats, ScriptedService } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import {
  DeadlineCoversBodyKey,
  DeadlineError,
  DeadlineMaxRejectFraction,
  DeadlineModeParam,
  DeadlineRejectPeriodMs,
  deadline,
  RejectBucket,
} from "../src/index.ts";

describeModule(deadline<object, object>(), { params: (clock) => Params.empty.with(ClockParam, clock) });
describe("that only observes", () =>
  describeModule(deadline<object, object>(), {
    params: (clock) => Params.empty.with(ClockParam, clock).with(DeadlineModeParam, "observe"),
  }));

function above(params: Params = Params.empty, startMs = 1000) {
  const clock = new ManualClock(startMs);
  const stats = new MemoryStats();
  const inner = new ScriptedService<string, string>(clock, [answerNever]);
  const svc: Service<string, string> = new Stack([deadline<string, string>()], () => inner).make(
    params.with(ClockParam, clock).with(StatsParam, stats),
  );
  const count = (name: string): number => stats.readCounter(`admission_control/deadline/${name}`);
  const said = (name: string): readonly number[] => stats.readStat(`admission_control/deadline/${name}`);
  return { clock, stats, inner, svc, count, said };
}

function until(deadlineMs: number): Ctx {
  const ctx = new Ctx();
  ctx.deadline = deadlineMs;
  return ctx;
}

describe("the deadline module", () => {
  it("has all of its metrics, at zero, before the first call", () => {
    const { stats } = above();
    const scope = "admission_control/deadline";
    expect(stats.names()).toEqual(
      ["cancelled", "exceeded", "expired_ms", "rejected", "remaining_ms"].map((name) => `${scope}/${name}`),
    );
  });

  it("C21: rejects a call whose deadline has passed at once, and does not pass it on", async () => {
    const { clock, inner, svc, count, said } = above();
    await expect(dispatch(svc, "req", until(960))).rejects.toMatchObject({
      code: "WEFT_DEADLINE",
      timeoutMs: 0,
      lateMs: 40,
      message: expect.stringContaining("40.milliseconds late"),
    });
    expect([inner.calls.length, clock.armed]).toEqual([0, 0]);
    expect([count("exceeded"), count("rejected"), count("cancelled")]).toEqual([1, 1, 0]);
    expect([said("expired_ms"), said("remaining_ms")]).toEqual([[40], []]);
  });

  it("takes a deadline that ends now for one that has passed", async () => {
    const { svc, count, said } = above();
    await expect(dispatch(svc, "req", until(1000))).rejects.toMatchObject({ code: "WEFT_DEADLINE", lateMs: 0 });
    expect([count("exceeded"), said("expired_ms")]).toEqual([1, [0]]);
  });

  it("cancels the work when the deadline passes, and counts it", async () => {
    const { clock, inner, svc, count, said } = above();
    const call = expect(dispatch(svc, "req", until(1250))).rejects.toMatchObject({
      code: "WEFT_DEADLINE",
      timeoutMs: 250,
    });
    expect(inner.calls[0]?.ctx.deadline).toBe(1250);
    await clock.advance(249);
    expect([inner.calls[0]?.outcome, count("cancelled")]).toEqual(["pending", 0]);
    await clock.advance(1);
    await call;
    expect([inner.calls[0]?.outcome, count("cancelled"), clock.armed]).toEqual(["cancelled", 1, 0]);
    expect([count("exceeded"), count("rejected"), said("remaining_ms")]).toEqual([0, 0, [250]]);
  });

  it("does not count a deadline that passes after the call was cancelled for something else", async () => {
    const { clock, svc, count } = above();
    const ctx = until(1250);
    const call = svc.call("req", ctx);
    const reason = new Error("enough");
    ctx.cancel(reason);
    await expect(call).rejects.toBe(reason);
    await clock.advance(1000);
    expect([count("cancelled"), ctx.cancelled]).toEqual([0, reason]);
  });

  it("arms no timer for a call without a deadline, nor for one that is no number", async () => {
    const { clock, inner, svc, stats } = above();
    for (const none of [Number.POSITIVE_INFINITY, Number.NaN]) svc.call("req", until(none)).catch(() => {});
    expect(inner.calls.map(({ ctx }) => ctx.deadline)).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect(clock.armed).toBe(0);
    expect(stats.readStat("admission_control/deadline/remaining_ms")).toEqual([]);
    expect(stats.readCounter("admission_control/deadline/exceeded")).toBe(0);
  });

  it("is kept by the head of the response, unless it holds for the body too", async () => {
    for (const covers of [false, true]) {
      const { clock, svc } = above();
      const ctx = until(1250).set(DeadlineCoversBodyKey, covers);
      svc.call("req", ctx).catch(() => {});
      ctx.respond("head");
      expect(clock.armed).toBe(covers ? 1 : 0);
      await clock.advance(250);
      expect(ctx.cancelled === undefined).toBe(!covers);
    }
    const { clock, svc } = above();
    const ctx = until(1250).set(DeadlineCoversBodyKey, true);
    svc.call("req", ctx).catch(() => {});
    ctx.end(ok);
    expect(clock.armed).toBe(0);
  });

  it("raises an error that no layer sends again", () => {
    const error = new DeadlineError(100);
    expect([error.code, error.timeoutMs, error.lateMs]).toEqual(["WEFT_DEADLINE", 100, 0]);
    expect(error.message).toBe(
      "exceeded 100.milliseconds while waiting for a response within the deadline of the call",
    );
    for (const flag of ["deadlineExceeded", "interrupted", "nonRetryable"] as const) {
      expect(hasFlag(error, flag)).toBe(true);
    }
  });

  it("that observes counts as it would have enforced, and takes the deadline off the call", async () => {
    const { clock, inner, svc, count, said } = above(Params.empty.with(DeadlineModeParam, "observe"));
    for (const ms of [900, 1500]) svc.call("req", until(ms)).catch(() => {});
    expect(inner.calls.map(({ ctx }) => ctx.deadline)).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect([count("exceeded"), count("rejected")]).toEqual([1, 1]);
    expect([said("expired_ms"), said("remaining_ms"), clock.armed]).toEqual([[100], [500], 0]);
    await clock.advance(5000);
    expect(inner.calls.map(({ outcome }) => outcome)).toEqual(["pending", "pending"]);
    expect(count("cancelled")).toBe(0);
  });

  it("serves what it may not reject, without a deadline", async () => {
    const { clock, inner, svc, count } = above(Params.empty.with(DeadlineMaxRejectFraction, 0));
    const call = svc.call("req", until(900));
    call.catch(() => {});
    expect([inner.calls[0]?.ctx.deadline, clock.armed]).toEqual([Number.POSITIVE_INFINITY, 0]);
    expect([count("exceeded"), count("rejected")]).toEqual([1, 0]);
    // What comes in time is cut off all the same.
    const inTime = expect(dispatch(svc, "req", until(1001))).rejects.toMatchObject({ code: "WEFT_DEADLINE" });
    await clock.advance(1);
    await inTime;
  });

  it("refuses a mode that there is not, when the stack is built", () => {
    expect(() => above(Params.empty.with(DeadlineModeParam, "obey" as "observe"))).toThrow(
      /must be enforce or observe, not obey/,
    );
  });

  it("refuses a fraction below zero and a period out of range, when the stack is built", () => {
    const fraction = Params.empty.with(DeadlineMaxRejectFraction, 0.2);
    expect(() => above(Params.empty.with(DeadlineMaxRejectFraction, -0.1))).toThrow(/above 0, not -0.1/);
    expect(() => above(Params.empty.with(DeadlineMaxRejectFraction, Number.NaN))).toThrow(RangeError);
    for (const ms of [999, 60_001, Number.NaN]) {
      expect(() => above(fraction.with(DeadlineRejectPeriodMs, ms))).toThrow(`not ${ms}`);
    }
    for (const ms of [1000, 60_000]) expect(() => above(fraction.with(DeadlineRejectPeriodMs, ms))).not.toThrow();
    expect(() => new RejectBucket({ maxRejectFraction: 0, periodMs: 1000, nowMs: 0 })).toThrow(/above 0, not 0/);
    // Without a fraction the period is not used.
    expect(() => above(Params.empty.with(DeadlineRejectPeriodMs, 1))).not.toThrow();
  });

  it("passes a plain answer on", async () => {
    const clock = new ManualClock();
    const inner = new ScriptedService<string, string>(clock, [answerOk("rep")]);
    const svc = new Stack([deadline<string, string>()], () => inner).make(Params.empty.with(ClockParam, clock));
    expect(await dispatch(svc, "req", until(10))).toBe("rep");
    expect(clock.armed).toBe(0);
  });
});
