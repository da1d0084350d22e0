import { Ctx } from "@weftmesh/core";
import { ManualClock, MemoryStats } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { DeadlineCoversBodyKey, DeadlineReader, WireDeadlineKey } from "../src/index.ts";

const epochMs = 1_700_000_000_000;
const ns = (ms: number): bigint => BigInt(epochMs + ms) * 1_000_000n;
const none = { toleranceMs: 0, maxMs: Number.POSITIVE_INFINITY };

function reading(options: { toleranceMs: number; maxMs: number } = none) {
  const clock = new ManualClock(5000, epochMs);
  const stats = new MemoryStats();
  const reader = new DeadlineReader({ clock, stats, ...options });
  const ignored = (): number => stats.readCounter("admission_control/deadline/ignored");
  return { clock, stats, reader, ignored };
}

describe("a reader of deadlines", () => {
  it("has its counter before it is used", () => {
    expect(reading().stats.names()).toEqual(["admission_control/deadline/ignored"]);
  });

  it("refuses a tolerance below zero and a most that is not above zero", () => {
    const maxMs = 1000;
    for (const toleranceMs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => reading({ toleranceMs, maxMs })).toThrow(
        `deadlineToleranceMs must be 0 or more, not ${toleranceMs}`,
      );
    }
    for (const max of [0, -1, Number.NaN]) {
      expect(() => reading({ toleranceMs: 0, maxMs: max })).toThrow(`maxDeadlineMs must be above 0, not ${max}`);
    }
    expect(() => reading({ toleranceMs: 0, maxMs: 0.1 })).not.toThrow();
  });

  it("sets the deadline of a call on the clock's own time, and keeps what the wire said", () => {
    const { reader } = reading();
    const ctx = new Ctx();
    reader.read([`${ns(-10)} ${ns(250)}`], ctx);
    expect(ctx.deadline).toBe(5250);
    expect(ctx.get(WireDeadlineKey)).toEqual({ timestampNs: ns(-10), deadlineNs: ns(250) });
    expect(ctx.get(DeadlineCoversBodyKey)).toBe(false);
  });

  it("C22: takes the strictest of several, and never moves a deadline back", () => {
    const { reader } = reading();
    const ctx = new Ctx();
    reader.read([`${ns(0)} ${ns(300)}`, `${ns(5)} ${ns(200)}`, `${ns(1)} ${ns(400)}`], ctx);
    expect(ctx.deadline).toBe(5200);
    expect(ctx.get(WireDeadlineKey)).toEqual({ timestampNs: ns(5), deadlineNs: ns(200) });
    reader.read([`${ns(0)} ${ns(1000)}`], ctx);
    expect(ctx.deadline).toBe(5200);
  });

  it("C21: sets a deadline in the past, which has passed", () => {
    const { reader } = reading();
    const ctx = new Ctx();
    reader.read([`${ns(-100)} ${ns(-50)}`], ctx);
    expect(ctx.deadline).toBe(4950);
  });

  it("C21: ignores and counts what is below zero, no number or too large, and takes the rest", () => {
    const { reader, ignored } = reading();
    const ctx = new Ctx();
    reader.read(["-1 -2", "NaN NaN", `1 ${10n ** 19n}`, "", "1"], ctx);
    expect([ignored(), ctx.deadline, ctx.get(WireDeadlineKey)]).toEqual([5, Number.POSITIVE_INFINITY, undefined]);
    reader.read(["x", `${ns(0)} ${ns(100)}`], ctx);
    expect([ignored(), ctx.deadline]).toEqual([6, 5100]);
  });

  it("C21: takes one that is absurdly far ahead for the most that is allowed, and the largest of all for none", () => {
    const far = `${ns(0)} ${2n ** 63n - 2n}`;
    const never = `${ns(0)} ${2n ** 63n - 1n}`;
    const clamped = new Ctx();
    const { reader } = reading({ toleranceMs: 100, maxMs: 60_000 });
    reader.read([far], clamped);
    expect(clamped.deadline).toBe(65_000);
    const kept = new Ctx();
    reader.read([`${ns(0)} ${ns(59_899)}`], kept);
    expect(kept.deadline).toBe(5000 + 59_899 + 100);
    const endless = new Ctx();
    reading().reader.read([never], endless);
    expect(endless.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(endless.get(WireDeadlineKey)?.deadlineNs).toBe(2n ** 63n - 1n);
    reader.read([never], endless);
    expect(endless.deadline).toBe(65_000);
  });

  it("adds the tolerance to a time of the calendar, and not to a span", () => {
    const { reader } = reading({ toleranceMs: 170, maxMs: Number.POSITIVE_INFINITY });
    const late = new Ctx();
    reader.read([`${ns(-200)} ${ns(-100)}`], late);
    expect(late.deadline).toBe(5070);
    const span = new Ctx();
    reader.readGrpcTimeout("100m", span);
    expect(span.deadline).toBe(5100);
  });

  it("sets the deadline from grpc-timeout for the body too, and counts what is none", () => {
    const { reader, ignored } = reading({ toleranceMs: 0, maxMs: 500 });
    const ctx = new Ctx();
    reader.readGrpcTimeout("soon", ctx);
    expect([ignored(), ctx.deadline, ctx.get(DeadlineCoversBodyKey)]).toEqual([1, Number.POSITIVE_INFINITY, false]);
    reader.readGrpcTimeout("2S", ctx);
    expect([ignored(), ctx.deadline, ctx.get(DeadlineCoversBodyKey)]).toEqual([1, 5500, true]);
    reader.readGrpcTimeout("250m", ctx);
    expect(ctx.deadline).toBe(5250);
    reader.readGrpcTimeout("300m", ctx);
    expect(ctx.deadline).toBe(5250);
    expect(ctx.get(WireDeadlineKey)).toBeUndefined();
  });
});
