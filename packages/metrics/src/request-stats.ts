import {
  asError,
  type Classifier,
  ClassifierKey,
  type Clock,
  type Ctx,
  defaultClassifier,
  hasFlag,
  type Observer,
  type Outcome,
  type ResponseClass,
} from "@weftmesh/core";
import type { Counter, Stat, StatsReceiver } from "@weftmesh/telemetry";
import { FailureCounters } from "./failure-counters.ts";
import { elapsedMs, ticksNow } from "./ticks.ts";
import type { CallWatcher } from "./watched-service.ts";

/**
 * The request metrics of one scope: `requests`, `success`, `failures`, `pending`, `request_latency_ms`.
 *
 * Shape: one per scope, made with its stack, so that all of them are there, and zero, before the first request.
 */
export class RequestStats implements CallWatcher {
  readonly clock: Clock;
  pending = 0;
  readonly #requests: Counter;
  readonly #success: Counter;
  readonly #failures: FailureCounters;
  readonly #latencyMs: Stat;
  readonly #removeGauge: () => void;

  constructor(stats: StatsReceiver, clock: Clock) {
    this.clock = clock;
    this.#requests = stats.counter("requests");
    this.#success = stats.counter("success");
    this.#failures = new FailureCounters(stats);
    this.#latencyMs = stats.stat("request_latency_ms");
    this.#removeGauge = stats.gauge(() => this.pending, "pending");
  }

  /** Counts the call from here to its end. */
  observe(req: unknown, ctx: Ctx): void {
    this.pending++;
    ctx.observe(new RequestRecord(this, req));
  }

  /** A caller that went away, or whatever else says it counts for nothing, leaves no trace but the pending it was. */
  ended(ctx: Ctx, outcome: Outcome, req: unknown, rep: unknown, latencyMs: number, _startTicks: number): void {
    this.pending--;
    const error = outcome.kind === "failed" ? outcome.error : undefined;
    if (error !== undefined && hasFlag(error, "ignorable")) return;
    this.#requests.inc();
    this.#latencyMs.add(latencyMs);
    let responseClass: ResponseClass;
    try {
      responseClass = this.#classifier(ctx).classify(req, rep, error);
    } catch (thrown) {
      this.#failures.count(asError(thrown));
      return;
    }
    if (responseClass === "success") this.#success.inc();
    else if (responseClass !== "ignorable") this.#failures.count(error);
  }

  /** Takes the gauge away: it would read this object for ever. */
  close(): void {
    this.#removeGauge();
  }

  #classifier(ctx: Ctx): Classifier {
    return ctx.get(ClassifierKey) ?? defaultClassifier;
  }
}

/** One call. Everything is counted when it is over, so that the counters and the histogram always agree. Cost: 64 bytes. */
class RequestRecord implements Observer {
  readonly #stats: RequestStats;
  readonly #req: unknown;
  readonly #startTicks: number;
  #rep: unknown = undefined;
  /** Whole ms to the head; below zero while there is none. */
  #latencyMs = -1;

  constructor(stats: RequestStats, req: unknown) {
    this.#stats = stats;
    this.#req = req;
    this.#startTicks = ticksNow(stats.clock);
  }

  onResponse(_ctx: Ctx, rep: unknown): void {
    this.#rep = rep;
    this.#latencyMs = elapsedMs(this.#stats.clock, this.#startTicks);
  }

  onEnd(ctx: Ctx, outcome: Outcome): void {
    const latencyMs = this.#latencyMs < 0 ? elapsedMs(this.#stats.clock, this.#startTicks) : this.#latencyMs;
    this.#stats.ended(ctx, outcome, this.#req, this.#rep, latencyMs, this.#startTicks);
  }
}
