import { ClockParam, Ctx, failed, Params, RngParam, type Service, Stack } from "@weftmesh/core";
import { Headers, HttpResponse } from "@weftmesh/http";
import { StatsParam } from "@weftmesh/telemetry";
import {
  answerNever,
  describeModule,
  ManualClock,
  MemoryStats,
  ScriptedService,
  seededRng,
  testError,
} from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { isHttpNack, type NackAdmissionOptions, NackAdmissionParam, nackAdmission } from "../src/index.ts";

function withDefaults(clock: ManualClock): Params {
  return Params.empty.with(NackAdmissionParam, {}).with(ClockParam, clock).with(RngParam, seededRng(1));
}

describeModule(nackAdmission<object, object>(), { params: withDefaults, disabled: () => Params.empty });

function build(
  options: NackAdmissionOptions,
  stats = new MemoryStats(),
): { clock: ManualClock; subject: Service<string, string>; inner: ScriptedService<string, string> } {
  const clock = new ManualClock();
  const inner = new ScriptedService<string, string>(clock, [answerNever]);
  const params = withDefaults(clock)
    .with(NackAdmissionParam, options)
    .with(RngParam, { next: () => 0 })
    .with(StatsParam, stats);
  return { clock, inner, subject: new Stack([nackAdmission<string, string>()], () => inner).make(params) };
}

/** A call that is refused below. */
function refused(subject: Service<string, string>): void {
  const ctx = new Ctx();
  subject.call("req", ctx).catch(() => {});
  ctx.end(failed(testError("no", ["rejected"])));
}

describe("nackAdmission", () => {
  it("says how many were accepted, and that nobody should try again", async () => {
    const stats = new MemoryStats();
    const { clock, subject, inner } = build({ windowMs: 1000 }, stats);
    for (let n = 0; n < 5; n++) refused(subject);
    await clock.advance(900);
    refused(subject);
    await expect(subject.call("req", new Ctx())).rejects.toMatchObject({
      code: "WEFT_NACK_ADMISSION",
      flags: ["rejected", "nonRetryable"],
      acceptRate: Math.exp(-0.9),
      message: "not sent: its peers have accepted only 41 % of the requests of late",
    });
    expect(inner.calls).toHaveLength(6);
    expect(stats.readCounter("nack_admission_control/dropped_requests")).toBe(1);
    expect(stats.readGauge("nack_admission_control/ema_value")).toBeCloseTo(40.66, 2);
  });

  it("forgets with 37 % in two minutes, and begins at one half, where nothing else is set", async () => {
    const stats = new MemoryStats();
    const { clock, subject, inner } = build({}, stats);
    // One every 100 ms. Refusals count from the fifth on: before there are not enough in a second.
    for (let n = 0; n < 1200; n++) {
      refused(subject);
      await clock.advance(100);
    }
    // A half is left after 120 s times ln 2, which is 83.2 s; with a chance of 0 nothing is sent after that.
    expect(inner.calls).toHaveLength(4 + 832);
  });

  it("hears of a call once: neither a second head nor how its body ended counts", async () => {
    const stats = new MemoryStats();
    const { clock, subject } = build({ windowMs: 1000, isNack: (rep) => rep === "nack" }, stats);
    const ema = (): number => stats.readGauge("nack_admission_control/ema_value") as number;
    const ctxs = Array.from({ length: 5 }, () => new Ctx());
    for (const ctx of ctxs) subject.call("req", ctx).catch(() => {});
    await clock.advance(100);
    ctxs[0]?.respond("nack");
    const heard = ema();
    expect(heard).toBeCloseTo(100 * Math.exp(-0.1), 9);
    await clock.advance(100);
    ctxs[0]?.respond("fine");
    ctxs[0]?.end(failed(testError("no", ["rejected"])));
    expect(ema()).toBe(heard);
  });

  it("shows a listing its figures, and no function", () => {
    const { show } = NackAdmissionParam;
    expect(show(undefined)).toBeUndefined();
    expect(show({ windowMs: 5, nackRateThreshold: 0.1, isNack: () => true })).toEqual({
      windowMs: 5,
      nackRateThreshold: 0.1,
    });
  });

  it("is one for stacks that count into the same scope, and one for each other", async () => {
    const module = nackAdmission<string, string>();
    const clock = new ManualClock();
    const inner = new ScriptedService<string, string>(clock, [answerNever]);
    const params = withDefaults(clock)
      .with(NackAdmissionParam, { windowMs: 100 })
      .with(RngParam, { next: () => 0 });
    const make = (more: Params): Service<string, string> => new Stack([module], () => inner).make(more);
    const stats = new MemoryStats();
    const [refusing, sharing] = [make(params.with(StatsParam, stats)), make(params.with(StatsParam, stats))];
    const [elsewhere, nowhere, nowhereElse] = [
      make(params.with(StatsParam, new MemoryStats())),
      make(params),
      make(params),
    ];
    const isKeptBack = (subject: Service<string, string>): boolean => {
      const before = inner.calls.length;
      for (let n = 0; n < 5; n++) subject.call("req", new Ctx()).catch(() => {});
      return inner.calls.length < before + 5;
    };
    for (const subject of [refusing, nowhere]) {
      for (let n = 0; n < 5; n++) refused(subject);
      await clock.advance(200);
      refused(subject);
    }
    expect(isKeptBack(refusing)).toBe(true);
    expect(isKeptBack(sharing)).toBe(true);
    expect(isKeptBack(nowhere)).toBe(true);
    expect(isKeptBack(elsewhere)).toBe(false);
    expect(isKeptBack(nowhereElse)).toBe(false);
  });

  it.each([
    [{ windowMs: 0 }, "windowMs must be above 0: 0"],
    [{ windowMs: Number.NaN }, "windowMs must be above 0: NaN"],
    [{ nackRateThreshold: 0 }, "nackRateThreshold must lie between 0 and 1: 0"],
    [{ nackRateThreshold: 1 }, "nackRateThreshold must lie between 0 and 1: 1"],
  ] satisfies [NackAdmissionOptions, string][])("does not build with %j", (options, message) => {
    expect(() => build(options)).toThrow(RangeError);
    expect(() => build(options)).toThrow(message);
  });
});

describe("isHttpNack", () => {
  it("wants a 503 with one of Finagle's headers, or one to be sent again at once", () => {
    const rep = (status: number, ...headers: string[]): HttpResponse =>
      new HttpResponse(status, Headers.of(...headers));
    expect(isHttpNack(rep(503, "Finagle-Http-Nack", "true"))).toBe(true);
    expect(isHttpNack(rep(503, "finagle-http-nonretryable-nack", "true"))).toBe(true);
    expect(isHttpNack(rep(503, "retry-after", "0"))).toBe(true);
    expect(isHttpNack(rep(503, "retry-after", "1"))).toBe(false);
    expect(isHttpNack(rep(500, "retry-after", "0"))).toBe(false);
    expect(isHttpNack(rep(500, "finagle-http-nack", "true"))).toBe(false);
  });
});
