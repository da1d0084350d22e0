import { ClockParam, Ctx, failed, Params, type Service, Stack } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { answerThrow, describeModule, ManualClock, MemoryStats, ScriptedService } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { FailFastTimeoutMs, failFastQueue, Gate, GateParam, QueueCapacity } from "../src/index.ts";
import { Calls } from "./calls.ts";

describeModule(failFastQueue<object, object>(), {
  params: (clock) => Params.empty.with(QueueCapacity, 2).with(ClockParam, clock),
  disabled: () => Params.empty,
  ownLifeCycle: true,
});

function queue(
  capacity = 10,
  timeoutMs?: number,
): {
  clock: ManualClock;
  stats: MemoryStats;
  calls: Calls;
  subject: Service<number, string>;
} {
  const clock = new ManualClock(1000);
  const stats = new MemoryStats();
  let params = Params.empty.with(QueueCapacity, capacity).with(ClockParam, clock).with(StatsParam, stats);
  if (timeoutMs !== undefined) params = params.with(FailFastTimeoutMs, timeoutMs);
  let subject: Service<number, string> | undefined;
  const calls = new Calls(clock, (inner) => {
    subject = new Stack([failFastQueue<number, string>()], () => inner).make(params);
    return subject;
  });
  return { clock, stats, calls, subject: subject as Service<number, string> };
}

describe("failFastQueue", () => {
  it("lets calls wait while the service is busy, and sees within 10 ms that it is so no longer", async () => {
    const { clock, stats, calls } = queue();
    calls.inner.status = "busy";
    for (let n = 0; n < 3; n++) await calls.call();
    await clock.advance(15);
    expect([calls.started, stats.readGauge("failfast_queue/length")]).toEqual([[], 3]);
    calls.inner.status = "open";
    await clock.advance(4);
    expect(calls.started).toEqual([]);
    await clock.advance(1);
    expect([calls.started, stats.readGauge("failfast_queue/length")]).toEqual([[0, 1, 2], 0]);
    expect(stats.readStat("failfast_queue/wait_ms")).toEqual([20, 20, 20]);
    expect(clock.armed).toBe(0);
  });

  it("sends those that wait before one that comes when the service is available again", async () => {
    const { calls } = queue();
    calls.inner.status = "busy";
    await calls.call();
    calls.inner.status = "open";
    await calls.call();
    expect(calls.started).toEqual([0, 1]);
  });

  it("G2: refuses all that wait when the service has not been available for 3 s, and whoever comes then at once", async () => {
    const { clock, stats, calls, subject } = queue();
    calls.inner.status = "busy";
    const first = subject.call(9, new Ctx());
    const refused = expect(first).rejects.toMatchObject({
      code: "WEFT_QUEUE_FAILFAST",
      flags: ["rejected", "retryable"],
      unavailableMs: 3000,
      message: "the service has not been available for 3000 ms",
    });
    await clock.advance(2999);
    await calls.call();
    expect([calls.fates, subject.status]).toEqual([["waiting"], "open"]);
    await clock.advance(1);
    await refused;
    expect([calls.fates, subject.status]).toEqual([["WEFT_QUEUE_FAILFAST"], "busy"]);
    await clock.advance(500);
    await expect(subject.call(9, new Ctx())).rejects.toMatchObject({ unavailableMs: 3500 });
    expect(clock.armed).toBe(0);
    expect(stats.readCounter("failfast_queue/failed")).toBe(3);
    expect(stats.readGauge("failfast_queue/failing_fast")).toBe(1);
    calls.inner.status = "open";
    expect([subject.status, stats.readGauge("failfast_queue/failing_fast")]).toEqual(["open", 0]);
    await calls.call();
    expect(calls.started).toEqual([1]);
    expect([stats.readCounter("failfast_queue/shut"), stats.readCounter("failfast_queue/opened")]).toEqual([1, 1]);
    // What was is over: the next to wait have their whole time.
    calls.inner.status = "busy";
    await calls.call();
    await clock.advance(2999);
    expect(calls.fates.at(-1)).toBe("waiting");
  });

  it("fails fast in time even if everybody who waited has left", async () => {
    const { clock, stats, calls } = queue(10, 100);
    calls.inner.status = "busy";
    await calls.call();
    await calls.cancel(0);
    await clock.advance(99);
    expect(stats.readCounter("failfast_queue/shut")).toBe(0);
    await clock.advance(1);
    expect(stats.readCounter("failfast_queue/shut")).toBe(1);
    await calls.call();
    expect(calls.fates).toEqual(["WEFT_CANCELLED", "WEFT_QUEUE_FAILFAST"]);
  });

  it("looks again soon when somebody waits again", async () => {
    const { clock, calls } = queue();
    calls.inner.status = "busy";
    await calls.call();
    await calls.cancel(0);
    await clock.advance(500);
    await calls.call();
    calls.inner.status = "open";
    await clock.advance(10);
    expect(calls.started).toEqual([1]);
  });

  it("begins to count anew when some of those that wait were sent", async () => {
    const { clock, calls, subject } = queue(10, 100);
    let permits = 1;
    Object.defineProperty(calls.inner, "status", { get: () => (calls.started.length < permits ? "open" : "busy") });
    await calls.call();
    await calls.call();
    await calls.call();
    await clock.advance(95);
    permits = 2;
    await clock.advance(5);
    expect(calls.fates).toEqual(["started", "started", "waiting"]);
    await clock.advance(99);
    expect([calls.fates[2], subject.status]).toEqual(["waiting", "open"]);
    await clock.advance(1);
    expect(calls.fates[2]).toBe("WEFT_QUEUE_FAILFAST");
  });

  it("waits for ever without a timeout, and looks at nothing while nobody waits", async () => {
    const { clock, calls } = queue(10, Number.POSITIVE_INFINITY);
    calls.inner.status = "busy";
    await calls.call();
    await clock.advance(60_000);
    expect(calls.fates).toEqual(["waiting"]);
    await calls.cancel(0);
    await clock.advance(10);
    expect(clock.armed).toBe(0);
  });

  it("refuses what finds it full, and is busy then", async () => {
    const { calls, subject } = queue(1);
    calls.inner.status = "busy";
    expect(subject.status).toBe("open");
    await calls.call();
    expect(subject.status).toBe("busy");
    await expect(subject.call(9, new Ctx())).rejects.toMatchObject({
      code: "WEFT_QUEUE_FULL",
      flags: ["rejected", "retryable"],
      capacity: 1,
      message: "refused: 1 calls wait for the service to be available, as many as may",
    });
  });

  it("does not wait for a service that is closed", async () => {
    const { calls, subject } = queue();
    calls.inner.status = "closed";
    await calls.call();
    expect([calls.started, subject.status]).toEqual([[0], "closed"]);
  });

  it("rejects a call that was cancelled before it came, and one that ended while it waited", async () => {
    const { clock, calls, subject } = queue();
    calls.inner.status = "busy";
    const cancelled = new Ctx();
    const reason = new Error("enough");
    cancelled.cancel(reason);
    await expect(subject.call(9, cancelled)).rejects.toBe(reason);
    const ended = new Ctx();
    const refused = expect(subject.call(9, ended)).rejects.toMatchObject({ code: "WEFT_CANCELLED" });
    ended.end(failed(reason));
    calls.inner.status = "open";
    await clock.advance(10);
    await refused;
    expect(calls.started).toEqual([]);
  });

  it("does not send on a call whose deadline passed while the service was busy", async () => {
    const { clock, calls } = queue();
    calls.inner.status = "busy";
    await calls.call(1005);
    await calls.call();
    await clock.advance(7);
    calls.inner.status = "open";
    await clock.advance(3);
    expect(calls.fates).toEqual(["WEFT_QUEUE_DEADLINE", "started"]);
  });

  it("does not send on a call whose deadline passed although its timer is late", async () => {
    const clock = new ManualClock();
    const late = {
      now: () => clock.now(),
      epochMs: () => 0,
      after: (ms: number, fn: () => void) => clock.after(ms + 4, fn),
    };
    const calls = new Calls(clock, (inner) =>
      new Stack([failFastQueue<number, string>()], () => inner).make(
        Params.empty.with(QueueCapacity, 5).with(ClockParam, late),
      ),
    );
    calls.inner.status = "busy";
    await calls.call(10);
    await clock.advance(11);
    calls.inner.status = "open";
    await calls.call();
    expect(calls.fates).toEqual(["WEFT_QUEUE_DEADLINE", "started"]);
    expect(calls.started).toEqual([1]);
    expect(clock.armed).toBe(0);
  });

  it("rejects what is thrown below it, whether it waited or not", async () => {
    const clock = new ManualClock();
    const inner = new ScriptedService<string, string>(clock, [answerThrow("thrown below")]);
    const subject = new Stack([failFastQueue<string, string>()], () => inner).make(
      Params.empty.with(QueueCapacity, 1).with(ClockParam, clock),
    );
    await expect(subject.call("", new Ctx())).rejects.toThrow("thrown below");
    inner.status = "busy";
    const waited = expect(subject.call("", new Ctx())).rejects.toThrow("thrown below");
    inner.status = "open";
    await clock.advance(10);
    await waited;
  });

  it("sends each of those that wait once, even if a call that it sends on changes the gate", async () => {
    const clock = new ManualClock();
    const at = new Gate();
    const inner = new ScriptedService<number, string>(clock, (_n, req) => {
      if (req === 0) at.open();
      return { kind: "ok", rep: `rep ${req}` };
    });
    inner.status = "busy";
    const subject = new Stack([failFastQueue<number, string>()], () => inner).make(
      Params.empty.with(QueueCapacity, 5).with(ClockParam, clock).with(GateParam, at),
    );
    const calls = [0, 1, 2].map((n) => subject.call(n, new Ctx()));
    inner.status = "open";
    await clock.advance(10);
    expect(await Promise.all(calls)).toEqual(["rep 0", "rep 1", "rep 2"]);
    expect(inner.calls.map((each) => each.req)).toEqual([0, 1, 2]);
  });

  it("rejects those that wait when it is closed, and those that would, and hears of no gate after that", async () => {
    const clock = new ManualClock();
    const stats = new MemoryStats();
    const at = new Gate();
    const params = Params.empty
      .with(QueueCapacity, 5)
      .with(ClockParam, clock)
      .with(StatsParam, stats)
      .with(GateParam, at);
    let subject: Service<number, string> | undefined;
    const calls = new Calls(clock, (inner) => {
      subject = new Stack([failFastQueue<number, string>()], () => inner).make(params);
      return subject;
    });
    calls.inner.status = "busy";
    await calls.call();
    await subject?.close();
    calls.inner.status = "busy";
    await calls.call();
    at.open();
    expect(calls.fates).toEqual(["WEFT_CLOSED", "WEFT_CLOSED"]);
    await expect(subject?.call(9, new Ctx())).rejects.toThrow("the queue of calls is closed");
    expect(clock.armed).toBe(0);
    expect(stats.names().filter((each) => /length|failing_fast/.test(each))).toEqual([]);
    expect(calls.inner.closes).toBe(1);
  });

  it("does not build with parameters that are no limits", () => {
    for (const wrong of [-1, Number.NaN]) {
      expect(() => queue(wrong)).toThrow(new RangeError(`queueCapacity must not be below 0: ${wrong}`));
    }
    for (const wrong of [0, -1, Number.NaN]) {
      expect(() => queue(1, wrong)).toThrow(new RangeError(`failFastTimeoutMs must be above 0: ${wrong}`));
    }
  });
});
