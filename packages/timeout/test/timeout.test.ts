import { ClockParam, Ctx, dispatch, hasFlag, Params, type Service, Stack } from "@weftmesh/core";
import { answerNever, describeModule, ManualClock, ScriptedService } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import {
  ConnectTimeoutMs,
  DeadlineModeParam,
  DeadlineRejectPeriodMs,
  DeadlineToleranceMs,
  DynamicTimeouts,
  deadline,
  LatencyCompensationMs,
  MaxDeadlineMs,
  PropagateDeadlines,
  RequestAttemptTimeoutMs,
  RequestTimeoutError,
  requestTimeout,
  ServerTimeoutError,
  ServerTimeoutMs,
  StreamIdleTimeoutMs,
  StreamTimeoutMs,
  serverTimeout,
  showDuration,
  streamIdleTimeout,
  streamTimeout,
  TotalTimeoutError,
  TotalTimeoutMs,
  totalTimeout,
} from "../src/index.ts";

describeModule(totalTimeout<object, object>(), {
  params: (clock) => Params.empty.with(ClockParam, clock).with(TotalTimeoutMs, 1000),
  disabled: (clock) => Params.empty.with(ClockParam, clock),
});
describeModule(requestTimeout<object, object>(), {
  params: (clock) => Params.empty.with(ClockParam, clock).with(RequestAttemptTimeoutMs, 10),
  disabled: (clock) => Params.empty.with(ClockParam, clock),
});
describeModule(serverTimeout<object, object>(), {
  params: (clock) => Params.empty.with(ClockParam, clock).with(ServerTimeoutMs, 5000),
  disabled: (clock) => Params.empty.with(ClockParam, clock),
});

describe("the modules", () => {
  it("have the roles and the parameters that configs name", () => {
    const modules = [
      deadline<object, object>(),
      serverTimeout<object, object>(),
      totalTimeout<object, object>(),
      requestTimeout<object, object>(),
      streamTimeout,
      streamIdleTimeout,
    ];
    const listed = modules.map(({ role, params }) => [role, ...Object.values(params).map(({ name }) => name)]);
    expect(listed).toEqual([
      ["deadline", "deadlineMode", "deadlineMaxRejectFraction", "deadlineRejectPeriodMs", "clock", "stats"],
      ["serverTimeout", "timeoutMs", "clock"],
      ["totalTimeout", "totalTimeoutMs", "dynamicTimeouts", "clock"],
      ["requestTimeout", "requestAttemptTimeoutMs", "latencyCompensationMs", "dynamicTimeouts", "clock"],
      ["streamTimeout", "streamTimeoutMs", "clock"],
      ["streamIdleTimeout", "streamIdleTimeoutMs", "clock"],
    ]);
  });

  it("have the defaults of Linkerd 1, or none", () => {
    const limits = [ServerTimeoutMs, TotalTimeoutMs, RequestAttemptTimeoutMs, StreamTimeoutMs, StreamIdleTimeoutMs];
    for (const each of limits) expect(each.default).toBe(Number.POSITIVE_INFINITY);
    expect([ConnectTimeoutMs.name, ConnectTimeoutMs.default]).toEqual(["connectTimeoutMs", 1000]);
    expect([PropagateDeadlines.name, PropagateDeadlines.default]).toEqual(["propagateDeadlines", true]);
    expect([DeadlineToleranceMs.name, DeadlineToleranceMs.default]).toEqual(["deadlineToleranceMs", 0]);
    expect([MaxDeadlineMs.name, MaxDeadlineMs.default]).toEqual(["maxDeadlineMs", Number.POSITIVE_INFINITY]);
    expect([DeadlineModeParam.default, DeadlineRejectPeriodMs.default]).toEqual(["enforce", 10_000]);
    expect([DynamicTimeouts.default, LatencyCompensationMs.default]).toEqual([false, 0]);
  });
});

describe("timeout errors", () => {
  it("have stable codes, the flag of a deadline, and the figures of Finagle in their own words", () => {
    for (const [error, code] of [
      [new TotalTimeoutError(100), "WEFT_TOTAL_TIMEOUT"],
      [new RequestTimeoutError(100), "WEFT_REQUEST_TIMEOUT"],
      [new ServerTimeoutError(100), "WEFT_SERVER_TIMEOUT"],
    ] as const) {
      expect([error.code, error.timeoutMs, hasFlag(error, "deadlineExceeded")]).toEqual([code, 100, true]);
      expect(error.message).toMatch(/^exceeded 100\.milliseconds while waiting for /);
    }
    expect(new RequestTimeoutError(0).message).toContain("its deadline had passed");
  });

  it("say how long the call had in fact, rounded up", async () => {
    const clock = new ManualClock(10.25);
    const inner: Service<string, string> = new ScriptedService(clock, [answerNever]);
    const ctx = new Ctx();
    ctx.deadline = 60;
    const call = dispatch(
      new Stack([totalTimeout<string, string>()], () => inner).make(
        Params.empty.with(TotalTimeoutMs, 1000).with(ClockParam, clock),
      ),
      "req",
      ctx,
    );
    const failed = expect(call).rejects.toMatchObject({
      timeoutMs: 50,
      message: expect.stringContaining("50.milliseconds"),
    });
    await clock.advance(50);
    await failed;
  });
});

describe("showDuration", () => {
  it("writes spans as Finagle does", () => {
    const shown = [0, 1, 100, 999.2, 1000, 1500, 60_000, 90_061_001, -1500, Number.POSITIVE_INFINITY].map(showDuration);
    expect([Number.NEGATIVE_INFINITY, Number.NaN, -0].map(showDuration)).toEqual([
      "Duration.Bottom",
      "Duration.Undefined",
      "0.milliseconds",
    ]);
    expect(shown).toEqual([
      "0.milliseconds",
      "1.milliseconds",
      "100.milliseconds",
      "1.seconds",
      "1.seconds",
      "1.seconds+500.milliseconds",
      "1.minutes",
      "1.days+1.hours+1.minutes+1.seconds+1.milliseconds",
      "-1.seconds-500.milliseconds",
      "Duration.Top",
    ]);
  });
});
