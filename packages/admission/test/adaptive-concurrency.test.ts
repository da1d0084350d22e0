import {
  CancelledError,
  ClassifierKey,
  ClockParam,
  Ctx,
  failed,
  ok,
  Params,
  RngParam,
  type Service,
  Stack,
} from "@weftmesh/core";
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
import { type AdaptiveConcurrencyOptions, AdaptiveConcurrencyParam, adaptiveConcurrency } from "../src/index.ts";
import { VirtualBackend, VirtualTime } from "./virtual-time.ts";

describeModule(adaptiveConcurrency<object, object>(), {
  params: (clock) =>
    Params.empty.with(AdaptiveConcurrencyParam, {}).with(ClockParam, clock).with(RngParam, seededRng(1)),
  disabled: () => Params.empty,
});

function adaptive(options: AdaptiveConcurrencyOptions = {}): {
  clock: ManualClock;
  stats: MemoryStats;
  inner: ScriptedService<string, string>;
  subject: Service<string, string>;
  gauge(name: string): number | undefined;
  call(): Ctx;
} {
  const clock = new ManualClock(1000);
  const stats = new MemoryStats();
  const inner = new ScriptedService<string, string>(clock, [answerNever]);
  const params = Params.empty
    .with(AdaptiveConcurrencyParam, options)
    .with(ClockParam, clock)
    .with(RngParam, seededRng(1))
    .with(StatsParam, stats);
  const subject = new Stack([adaptiveConcurrency<string, string>()], () => inner).make(params);
  return {
    clock,
    stats,
    inner,
    subject,
    gauge: (name) => stats.readGauge(`adaptive_concurrency/${name}`),
    call: () => {
      const ctx = new Ctx();
      subject.call("req", ctx).catch(() => {});
      return ctx;
    },
  };
}

describe("adaptiveConcurrency", () => {
  it("refuses at once what is beyond the limit, says what the limit is, and is busy meanwhile", async () => {
    const { stats, inner, subject, gauge, call } = adaptive({ initialLimit: 3 });
    const ctxs = [call(), call()];
    expect(subject.status).toBe("open");
    ctxs.push(call());
    expect(subject.status).toBe("busy");
    inner.status = "closed";
    expect(subject.status).toBe("closed");
    await expect(subject.call("req", new Ctx())).rejects.toMatchObject({
      code: "WEFT_ADAPTIVE_LIMIT",
      flags: ["rejected", "retryable"],
      limit: 3,
      message: "refused: the measured limit of 3 concurrent requests is reached",
    });
    expect(inner.calls).toHaveLength(3);
    expect(stats.readCounter("adaptive_concurrency/rejected")).toBe(1);
    expect([gauge("limit"), gauge("concurrency")]).toEqual([3, 3]);
  });

  it("counts a call until the head of its answer, and a failed one until its end, once", () => {
    const { gauge, call } = adaptive();
    const [answered, ended, cancelled] = [call(), call(), call()] as const;
    expect(gauge("concurrency")).toBe(3);
    answered.respond("rep");
    expect(gauge("concurrency")).toBe(2);
    answered.respond("rep");
    answered.end(ok);
    expect(gauge("concurrency")).toBe(2);
    ended.end(failed(testError("no")));
    expect(gauge("concurrency")).toBe(1);
    cancelled.cancel(new CancelledError());
    cancelled.end(failed(new CancelledError()));
    expect(gauge("concurrency")).toBe(0);
  });

  it("measures answers, and neither failures nor calls whose caller went away", async () => {
    const { clock, gauge, call } = adaptive({ minRttRequests: 2 });
    const good = call();
    const bad = call();
    bad.set(ClassifierKey, { name: "bad", classify: () => "failure" });
    await clock.advance(5);
    const retried = call();
    retried.set(ClassifierKey, { name: "retryable", classify: () => "retryable" });
    bad.respond("rep");
    bad.end(ok);
    retried.respond("rep");
    const gone = call();
    gone.end(failed(new CancelledError()));
    call().end(failed(testError("a failure")));
    await clock.advance(3);
    good.respond("rep");
    expect(gauge("min_rtt_ms")).toBe(0);
    const whole = call();
    await clock.advance(20);
    whole.end(ok);
    expect(gauge("min_rtt_ms")).toBe(8);
  });

  it("takes the time of a call that was given up for a latency of the interval", async () => {
    const { clock, gauge, call } = adaptive({ minRttRequests: 1 });
    const first = call();
    await clock.advance(10);
    first.respond("rep");
    const slow = Array.from({ length: 5 }, call);
    await clock.advance(500);
    for (const ctx of slow) ctx.end(failed(testError("too slow", ["deadlineExceeded"])));
    call();
    expect([gauge("min_rtt_ms"), gauge("sample_rtt_ms"), gauge("gradient")]).toEqual([10, 500, 0.5]);
  });

  it("takes nothing from failures, however long they took", async () => {
    const { clock, gauge, call } = adaptive({ minRttRequests: 1 });
    const first = call();
    await clock.advance(10);
    first.respond("rep");
    const bad = Array.from({ length: 5 }, call);
    await clock.advance(500);
    for (const ctx of bad) ctx.end(failed(testError("a failure")));
    call();
    expect([gauge("sample_rtt_ms"), gauge("limit")]).toEqual([0, 20]);
  });

  it("shows that it measures, and keeps no metric when it is closed", async () => {
    const { stats, subject, gauge, call } = adaptive({ minLimit: 1, minRttRequests: 1, initialLimit: 5 });
    call();
    expect(gauge("measuring_min_rtt")).toBe(0);
    call();
    call();
    expect([gauge("measuring_min_rtt"), gauge("limit")]).toEqual([1, 1]);
    expect(stats.names()).toEqual([
      "adaptive_concurrency/concurrency",
      "adaptive_concurrency/gradient",
      "adaptive_concurrency/limit",
      "adaptive_concurrency/measuring_min_rtt",
      "adaptive_concurrency/min_rtt_ms",
      "adaptive_concurrency/rejected",
      "adaptive_concurrency/sample_rtt_ms",
    ]);
    void subject.close();
    expect(stats.names()).toEqual(["adaptive_concurrency/rejected"]);
  });
});

/** Calls that come by chance, so many a second, whatever becomes of them. */
class Offered {
  rps: number;
  refused = 0;
  readonly backend: VirtualBackend;
  readonly stats: MemoryStats = new MemoryStats();
  readonly #time: VirtualTime = new VirtualTime();
  readonly #subject: Service<number, string>;
  readonly #rng = seededRng(7);

  constructor(workers: number, serviceMs: number, rps: number, options: AdaptiveConcurrencyOptions = {}) {
    this.rps = rps;
    this.backend = new VirtualBackend(this.#time, workers, () => serviceMs);
    const params = Params.empty
      .with(AdaptiveConcurrencyParam, options)
      .with(ClockParam, this.#time)
      .with(RngParam, seededRng(11))
      .with(StatsParam, this.stats);
    this.#subject = new Stack([adaptiveConcurrency<number, string>()], () => this.backend).make(params);
    this.#arrive();
  }

  get limit(): number {
    return this.stats.readGauge("adaptive_concurrency/limit") ?? 0;
  }

  /** Answers per second, and their mean latency, over the next so many ms. */
  run(ms: number): { rps: number; latencyMs: number } {
    const before = this.backend.answered;
    this.backend.latenciesMs = [];
    this.#time.runUntil(this.#time.now() + ms);
    const { latenciesMs } = this.backend;
    const latencyMs = latenciesMs.reduce((a, b) => a + b, 0) / latenciesMs.length;
    return { rps: ((this.backend.answered - before) * 1000) / ms, latencyMs };
  }

  #arrive(): void {
    const gapMs = (-Math.log(1 - this.#rng.next()) * 1000) / this.rps;
    this.#time.after(gapMs, () => {
      this.#subject.call(0, new Ctx()).catch(() => this.refused++);
      this.#arrive();
    });
  }
}

describe("adaptiveConcurrency before a peer that can do only so much", () => {
  it("finds what it can do: all its workers work, and hardly anybody waits behind them", () => {
    const offered = new Offered(10, 20, 1000);
    offered.run(5000);
    const { rps, latencyMs } = offered.run(40_000);
    // 10 workers of 20 ms are 500 requests a second.
    expect(rps).toBeGreaterThan(490);
    expect(latencyMs).toBeLessThan(20 * 2);
    expect(offered.limit).toBeGreaterThanOrEqual(10);
    expect(offered.limit).toBeLessThanOrEqual(20);
  });

  it("leaves alone a peer that can do what is asked", async () => {
    const offered = new Offered(50, 20, 500);
    const { latencyMs } = offered.run(55_000);
    await Promise.resolve();
    expect(latencyMs).toBe(20);
    expect(offered.refused).toBeLessThan(200);
  });

  it("G5: goes down with a peer that loses half its workers, and up again with it", () => {
    const offered = new Offered(20, 20, 1500);
    offered.run(5000);
    expect(offered.limit).toBeGreaterThanOrEqual(20);
    offered.backend.workers = 10;
    offered.run(5000);
    const halved = offered.run(10_000);
    expect(offered.limit).toBeLessThanOrEqual(20);
    expect(halved.rps).toBeGreaterThan(490);
    expect(halved.latencyMs).toBeLessThan(40);
    offered.backend.workers = 20;
    offered.run(2000);
    const whole = offered.run(10_000);
    expect(whole.rps).toBeGreaterThan(980);
    expect(whole.latencyMs).toBeLessThan(40);
  });

  it("learns that a peer has become slower for good, and no longer takes that for overload", () => {
    const offered = new Offered(10, 20, 1000, { minRttIntervalMs: 3_600_000 });
    offered.run(5000);
    offered.backend.serviceMs = () => 60;
    offered.run(5000);
    const { rps } = offered.run(10_000);
    // 10 workers of 60 ms.
    expect(rps).toBeGreaterThan(160);
    expect(offered.stats.readGauge("adaptive_concurrency/min_rtt_ms")).toBeGreaterThanOrEqual(60);
  });

  it("measures anew from time to time, and is itself again right after", () => {
    const offered = new Offered(10, 20, 1000, { minRttIntervalMs: 5000 });
    let measured = 0;
    let before = 0;
    for (let second = 0; second < 600; second++) {
      offered.run(100);
      const measuring = offered.stats.readGauge("adaptive_concurrency/measuring_min_rtt") ?? 0;
      if (measuring > before) measured++;
      before = measuring;
    }
    // 60 s, every 5 to 5.75 s and what a measurement takes.
    expect(measured).toBeGreaterThanOrEqual(9);
    expect(measured).toBeLessThanOrEqual(13);
    expect(offered.stats.readGauge("adaptive_concurrency/min_rtt_ms")).toBe(20);
  });
});
