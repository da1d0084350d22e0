import { ClockParam, Ctx, failed, ok, Params, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { answerNever, answerOk, describeModule, ManualClock, MemoryStats, ScriptedService } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { concurrencyLimit, LifoAfterMs, MaxConcurrentRequests, MaxPending } from "../src/index.ts";
import { Calls } from "./calls.ts";

describeModule(concurrencyLimit<object, object>(), {
  params: (clock) =>
    Params.empty.with(MaxConcurrentRequests, 2).with(MaxPending, 3).with(LifoAfterMs, 500).with(ClockParam, clock),
  disabled: () => Params.empty.with(MaxPending, 3),
});

interface Limits {
  readonly max?: number;
  readonly maxPending?: number;
  readonly lifoAfterMs?: number;
}

function queued(limits: Limits = {}): {
  clock: ManualClock;
  stats: MemoryStats;
  calls: Calls;
  subject: Service<number, string>;
} {
  const clock = new ManualClock(1000);
  const stats = new MemoryStats();
  const params = Params.empty
    .with(MaxConcurrentRequests, limits.max ?? 1)
    .with(MaxPending, limits.maxPending ?? 10)
    .with(LifoAfterMs, limits.lifoAfterMs ?? Number.POSITIVE_INFINITY)
    .with(ClockParam, clock)
    .with(StatsParam, stats);
  let subject: Service<number, string> | undefined;
  const calls = new Calls(clock, (inner) => {
    subject = new Stack([concurrencyLimit<number, string>()], () => inner).make(params);
    return subject;
  });
  return { clock, stats, calls, subject: subject as Service<number, string> };
}

describe("concurrencyLimit with a queue", () => {
  it("gives a place that becomes free to whoever has waited longest, and says how long that was", async () => {
    const { clock, stats, calls } = queued({ max: 2 });
    for (let n = 0; n < 5; n++) {
      await calls.call();
      await clock.advance(10);
    }
    expect(calls.fates).toEqual(["started", "started", "waiting", "waiting", "waiting"]);
    expect([stats.readGauge("request_concurrency"), stats.readGauge("request_queue_size")]).toEqual([2, 3]);
    await calls.end(1);
    await clock.advance(5);
    await calls.end(0);
    expect(calls.started).toEqual([0, 1, 2, 3]);
    expect(stats.readStat("request_queue/wait_ms")).toEqual([30, 25]);
    expect([stats.readGauge("request_concurrency"), stats.readGauge("request_queue_size")]).toEqual([2, 1]);
  });

  it("refuses what finds the queue full, and says how many wait", async () => {
    const { stats, calls, subject } = queued({ maxPending: 2 });
    for (let n = 0; n < 3; n++) await calls.call();
    await expect(subject.call(9, new Ctx())).rejects.toMatchObject({
      code: "WEFT_OVERLOADED",
      flags: ["rejected", "retryable"],
      maxConcurrentRequests: 1,
      maxPending: 2,
      message: "refused: the limit of 1 concurrent requests is reached, and 2 wait, as many as may",
    });
    expect(stats.readCounter("request_queue/rejected")).toBe(1);
  });

  it("is busy exactly while the next call would be refused", async () => {
    const { calls, subject } = queued({ maxPending: 1 });
    await calls.call();
    expect(subject.status).toBe("open");
    await calls.call();
    expect(subject.status).toBe("busy");
    calls.inner.status = "closed";
    expect(subject.status).toBe("closed");
    calls.inner.status = "open";
    await calls.cancel(1);
    expect(subject.status).toBe("open");
  });

  it("C21: takes a call out of the queue when its deadline passes, and sends nothing of it on", async () => {
    const { clock, stats, calls, subject } = queued();
    await calls.call();
    const ctx = new Ctx();
    ctx.deadline = 1050;
    const call = subject.call(9, ctx);
    const refused = expect(call).rejects.toMatchObject({
      code: "WEFT_QUEUE_DEADLINE",
      flags: ["rejected", "deadlineExceeded"],
      waitedMs: 50,
      message: "its deadline passed while it waited 50 ms for its turn",
    });
    await clock.advance(49);
    expect(stats.readGauge("request_queue_size")).toBe(1);
    await clock.advance(1);
    await refused;
    expect(stats.readGauge("request_queue_size")).toBe(0);
    expect(stats.readCounter("request_queue/expired")).toBe(1);
    await calls.end(0);
    expect(calls.started).toEqual([0]);
    expect(clock.armed).toBe(0);
  });

  it("C21: refuses a call whose deadline has passed already instead of letting it wait", async () => {
    const { stats, calls } = queued();
    await calls.call();
    await calls.call(1000);
    expect(calls.fates).toEqual(["started", "WEFT_QUEUE_DEADLINE"]);
    expect(stats.readCounter("request_queue/expired")).toBe(1);
  });

  it("does not send on a call whose deadline passed at the very moment of its turn", async () => {
    const late = new ManualClock(1000);
    const calls = new Calls(late, (inner) =>
      new Stack([concurrencyLimit<number, string>()], () => inner).make(
        Params.empty
          .with(MaxConcurrentRequests, 1)
          .with(MaxPending, 5)
          // A wheel that is a tick late.
          .with(ClockParam, {
            now: () => late.now(),
            epochMs: () => late.epochMs(),
            after: (ms, fn) => late.after(ms + 4, fn),
          }),
      ),
    );
    await calls.call();
    await calls.call(1010);
    await calls.call();
    await late.advance(10);
    await calls.end(0);
    expect(calls.fates).toEqual(["answered", "WEFT_QUEUE_DEADLINE", "started"]);
    expect(calls.started).toEqual([0, 2]);
    expect(late.armed).toBe(0);
  });

  it("refuses at once what would not have its turn in time, at the pace that was measured", async () => {
    const { clock, stats, calls, subject } = queued();
    for (let n = 0; n < 4; n++) await calls.call();
    // One every 100 ms, so far.
    await clock.advance(100);
    await calls.end(0);
    await clock.advance(100);
    await calls.end(1);
    const ctx = new Ctx();
    ctx.deadline = clock.now() + 150;
    await expect(subject.call(9, ctx)).rejects.toMatchObject({
      code: "WEFT_QUEUE_TOO_LONG",
      flags: ["rejected", "retryable"],
      expectedWaitMs: expect.closeTo(200, 9),
      remainingMs: 150,
      message: "refused: its turn is expected in 200 ms, and its deadline is in 150 ms",
    });
    expect(stats.readCounter("request_queue/rejected")).toBe(1);
    const patient = await calls.call(clock.now() + 250);
    expect(calls.fates[patient]).toBe("waiting");
  });

  it("serves the newest first once calls have been waiting for as long as is set, and the oldest before", async () => {
    const { clock, calls } = queued({ lifoAfterMs: 100 });
    for (let n = 0; n < 5; n++) await calls.call();
    await clock.advance(99);
    await calls.end(0);
    expect(calls.started).toEqual([0, 1]);
    await clock.advance(1);
    await calls.end(1);
    expect(calls.started).toEqual([0, 1, 4]);
    await calls.end(4);
    await calls.end(3);
    expect(calls.started).toEqual([0, 1, 4, 3, 2]);
    // Nobody waits any more, so the next to wait begins a new count.
    await calls.call();
    await calls.call();
    await calls.end(2);
    expect(calls.started.at(-1)).toBe(5);
  });

  it("lets the oldest go for the newest when the queue is full under overload", async () => {
    const { clock, stats, calls } = queued({ lifoAfterMs: 100, maxPending: 2 });
    for (let n = 0; n < 3; n++) await calls.call();
    await clock.advance(100);
    await calls.call();
    expect(calls.fates).toEqual(["started", "WEFT_OVERLOADED", "waiting", "waiting"]);
    expect(stats.readCounter("request_queue/rejected")).toBe(1);
    expect(stats.readGauge("request_queue_size")).toBe(2);
  });

  it("expects the newest to have its turn next under overload, however many wait", async () => {
    const { clock, calls } = queued({ lifoAfterMs: 100 });
    for (let n = 0; n < 5; n++) await calls.call();
    await clock.advance(100);
    await calls.end(0);
    const hurried = await calls.call(clock.now() + 150);
    expect(calls.fates[hurried]).toBe("waiting");
  });

  it("rejects a call that was cancelled before it came, and one that ended while it waited", async () => {
    const { calls, subject } = queued();
    await calls.call();
    const cancelled = new Ctx();
    const reason = new Error("enough");
    cancelled.cancel(reason);
    await expect(subject.call(9, cancelled)).rejects.toBe(reason);
    const ended = new Ctx();
    const refused = expect(subject.call(9, ended)).rejects.toMatchObject({ code: "WEFT_CANCELLED" });
    ended.end(failed(reason));
    await calls.call();
    await calls.end(0);
    await refused;
    expect(calls.started).toEqual([0, 1]);
  });

  it("rejects a call whose turn the service answers with a throw", async () => {
    const inner = new ScriptedService<string, string>(new ManualClock(), (n) =>
      n === 0 ? answerOk("first") : { kind: "throw", error: new Error("thrown below") },
    );
    const params = Params.empty.with(MaxConcurrentRequests, 1).with(MaxPending, 1).with(ClockParam, new ManualClock());
    const subject = new Stack([concurrencyLimit<string, string>()], () => inner).make(params);
    const first = new Ctx();
    await subject.call("", first);
    const second = new Ctx();
    const call = subject.call("", second);
    first.end(ok);
    await expect(call).rejects.toThrow("thrown below");
    second.end(failed(new Error()));
    await expect(subject.call("", new Ctx())).rejects.toThrow("thrown below");
  });

  it("rejects those that wait when it is closed, and those that would", async () => {
    const { stats, calls, subject } = queued();
    await calls.call();
    await calls.call();
    const closed = subject.close();
    await calls.call();
    expect(calls.fates).toEqual(["started", "WEFT_CLOSED", "WEFT_CLOSED"]);
    await expect(subject.call(9, new Ctx())).rejects.toThrow("the queue of calls is closed");
    expect(stats.names()).toEqual(["request_queue/expired", "request_queue/rejected", "request_queue/wait_ms"]);
    await calls.cancel(0);
    await closed;
    expect(calls.inner.closes).toBe(1);
  });

  it("does not build with parameters that are no limits", () => {
    const inner = new ScriptedService<string, string>(new ManualClock(), [answerNever]);
    const build = (params: Params): unknown =>
      new Stack([concurrencyLimit<string, string>()], () => inner).make(params.with(MaxConcurrentRequests, 1));
    expect(() => build(Params.empty.with(LifoAfterMs, 0).with(MaxPending, 0))).not.toThrow();
    for (const wrong of [-1, Number.NaN]) {
      expect(() => build(Params.empty.with(MaxPending, wrong))).toThrow(`maxPending must not be below 0: ${wrong}`);
      expect(() => build(Params.empty.with(LifoAfterMs, wrong))).toThrow(`lifoAfterMs must not be below 0: ${wrong}`);
    }
  });
});
