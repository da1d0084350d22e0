import {
  asError,
  ClassifierKey,
  type Clock,
  ClockParam,
  type Ctx,
  defaultClassifier,
  defineModule,
  hasFlag,
  type Module,
  type Observer,
  type Outcome,
  type Param,
  param,
  RngParam,
  type Role,
  role,
  type Service,
  type Status,
  worst,
} from "@weftmesh/core";
import { type Counter, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { AdaptiveLimitError } from "./errors.ts";
import { type AdaptiveConcurrencyOptions, GradientLimit } from "./gradient-limit.ts";

export const AdaptiveConcurrencyRole: Role = role("adaptiveConcurrency");

/** Undefined leaves the module out. */
export const AdaptiveConcurrencyParam: Param<AdaptiveConcurrencyOptions | undefined> = param<
  AdaptiveConcurrencyOptions | undefined
>("adaptiveConcurrency", undefined);

class AdaptiveConcurrency<Req, Rep> implements Service<Req, Rep> {
  readonly clock: Clock;
  readonly gradient: GradientLimit;
  readonly #next: Service<Req, Rep>;
  readonly #rejected: Counter;
  readonly #gauges: readonly (() => void)[];
  /** Calls that have not been answered. */
  #waiting = 0;

  constructor(gradient: GradientLimit, clock: Clock, stats: StatsReceiver, next: Service<Req, Rep>) {
    this.gradient = gradient;
    this.clock = clock;
    this.#next = next;
    this.#rejected = stats.counter("adaptive_concurrency", "rejected");
    this.#gauges = [
      stats.gauge(() => gradient.limit, "adaptive_concurrency", "limit"),
      stats.gauge(() => this.#waiting, "adaptive_concurrency", "concurrency"),
      stats.gauge(() => gradient.gradient, "adaptive_concurrency", "gradient"),
      stats.gauge(() => gradient.minRttMs, "adaptive_concurrency", "min_rtt_ms"),
      stats.gauge(() => gradient.sampleRttMs, "adaptive_concurrency", "sample_rtt_ms"),
      stats.gauge(() => (gradient.measuring ? 1 : 0), "adaptive_concurrency", "measuring_min_rtt"),
    ];
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    const nowMs = this.clock.now();
    this.gradient.advance(nowMs);
    const { limit } = this.gradient;
    if (this.#waiting >= limit) {
      this.#rejected.inc();
      return Promise.reject(new AdaptiveLimitError(limit));
    }
    const quiet = this.gradient.admitted(++this.#waiting);
    ctx.observe(new MeasuredCall(this, req, nowMs, quiet));
    try {
      return this.#next.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  /** One of the calls that wait does so no longer. */
  left(): void {
    this.#waiting--;
  }

  /** `busy` while the next call would be refused. */
  get status(): Status {
    return this.#waiting >= this.gradient.limit ? worst("busy", this.#next.status) : this.#next.status;
  }

  close(): Promise<void> {
    for (const remove of this.#gauges) remove();
    return this.#next.close();
  }
}

/** When a call began, and whether it has been answered. */
class MeasuredCall<Req, Rep> implements Observer {
  readonly #owner: AdaptiveConcurrency<Req, Rep>;
  readonly #req: Req;
  readonly #sinceMs: number;
  readonly #quiet: boolean;
  #waits = true;

  constructor(owner: AdaptiveConcurrency<Req, Rep>, req: Req, sinceMs: number, quiet: boolean) {
    this.#owner = owner;
    this.#req = req;
    this.#sinceMs = sinceMs;
    this.#quiet = quiet;
  }

  onResponse(ctx: Ctx, rep: unknown): void {
    if (!this.#waits) return;
    this.#leave();
    const responseClass = (ctx.get(ClassifierKey) ?? defaultClassifier).classify(this.#req, rep, undefined);
    // A fast failure must not look like a fast answer.
    if (responseClass === "failure" || responseClass === "retryable") return;
    this.#owner.gradient.answered(this.#sinceMs, this.#quiet, this.#owner.clock.now());
  }

  onEnd(_ctx: Ctx, outcome: Outcome): void {
    if (!this.#waits) return;
    this.#leave();
    const { gradient, clock } = this.#owner;
    if (outcome.kind === "ok") gradient.answered(this.#sinceMs, this.#quiet, clock.now());
    else if (hasFlag(outcome.error, "deadlineExceeded")) gradient.timedOut(this.#sinceMs, clock.now());
  }

  #leave(): void {
    this.#waits = false;
    this.#owner.left();
  }
}

/**
 * Refuses calls beyond what the service below was measured to bear without a queue.
 *
 * Shape: a call counts until the head of its answer: how long a body takes is its reader's affair, and a stream that
 * stays open for hours is no load. Latency is that of answers that are no failures, and the time that was given to
 * those that took too long. One controller for each place where the module stands.
 * Errors: `WEFT_ADAPTIVE_LIMIT`, flagged rejected and retryable.
 * Cost: two readings of the clock and one small object per call.
 * Source: Envoy adaptive concurrency; see `GradientLimit`.
 */
export const adaptiveConcurrency: <Req, Rep>() => Module<Service<Req, Rep>> = <Req, Rep>() =>
  defineModule<
    Service<Req, Rep>,
    {
      options: typeof AdaptiveConcurrencyParam;
      clock: typeof ClockParam;
      rng: typeof RngParam;
      stats: typeof StatsParam;
    }
  >({
    role: AdaptiveConcurrencyRole,
    description: "Refuses calls beyond what the service was measured to bear",
    params: { options: AdaptiveConcurrencyParam, clock: ClockParam, rng: RngParam, stats: StatsParam },
    make: ({ options, clock, rng, stats }, next) =>
      options === undefined ? next : new AdaptiveConcurrency(new GradientLimit(options, rng), clock, stats, next),
  });
