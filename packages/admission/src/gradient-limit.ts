import type { Rng } from "@weftmesh/core";
import { Histogram } from "@weftmesh/telemetry";

export interface AdaptiveConcurrencyOptions {
  /** Lowest limit, and the number of calls at once while the least latency is measured; 3 if not given. */
  readonly minLimit?: number;
  /** Highest limit; 1,000 if not given. */
  readonly maxLimit?: number;
  /** The limit as long as no latency is known; 20 if not given. */
  readonly initialLimit?: number;
  /** ms between two changes of the limit; 100 if not given. */
  readonly updateIntervalMs?: number;
  /** Which of the latencies of an interval counts, as a ratio; 0.5 if not given, the median. */
  readonly percentile?: number;
  /** ms between two measurements of the least latency; 60,000 if not given. */
  readonly minRttIntervalMs?: number;
  /** Calls that make a measurement of the least latency; 50 if not given. */
  readonly minRttRequests?: number;
  /** Share of `minRttIntervalMs` by which it is put off at most, so that not all measure at once; 0.15 if not given. */
  readonly jitter?: number;
  /** Share by which latency may exceed the least before it counts as queueing; 0.25 if not given. */
  readonly buffer?: number;
}

/** An interval with fewer answers goes on until it has as many. */
const leastSamples = 5;
/** Updates in a row that end at the lowest limit before the least latency is doubted. */
const doubtAfter = 5;
/** Below what a clock tells apart. */
const leastMs = 0.001;
const lowestGradient = 0.5;
const highestGradient = 2;

/**
 * A limit of calls at once that follows the latency it sees.
 *
 * Shape: every interval the limit is multiplied by a gradient, which is the least latency with a buffer over the
 * latency now, from 0.5 to 2; the root of the result comes on top, as room to grow into. It does not grow while less
 * than half of it is used: an idle peer says nothing of what it could bear. The least latency is measured anew from time
 * to time. Calls that were nearly alone serve for it where there are enough; else the limit is the lowest for as many
 * calls as it takes. It is also measured when the limit has come down to the lowest and stays there: then the peer is
 * not overloaded, but slower than it was. Time is passed in.
 * Errors: RangeError for options that are out of range.
 * Cost: a compare per call, and at most two histogram entries per answer.
 * Source: Envoy's gradient controller. What it has not: calls that were alone anyway make a measurement for free, and
 * the rule for idle times, which is that of Netflix's Gradient2.
 */
export class GradientLimit {
  /** The least latency; 0 before the first measurement. */
  minRttMs = 0;
  /** The latency of the last interval. */
  sampleRttMs = 0;
  /** By which the last interval's end multiplied the limit. */
  gradient = 1;
  /** Whether the limit is the lowest for now, for a measurement. */
  measuring = false;
  readonly #minLimit: number;
  readonly #maxLimit: number;
  readonly #updateIntervalMs: number;
  readonly #percentile: number;
  readonly #minRttIntervalMs: number;
  readonly #minRttRequests: number;
  readonly #jitter: number;
  readonly #buffer: number;
  readonly #rng: Rng;
  #limit: number;
  /** The latencies of this interval; what comes during a measurement is let go of with its end. */
  readonly #latencies: Histogram = new Histogram();
  /** When the interval ends. */
  #updateMs = 0;
  /** The most calls at once in this interval. */
  #peak = 0;
  #updatesAtMin = 0;
  /** Latencies of calls that began since then and were nearly alone. */
  readonly #quiet: Histogram = new Histogram();
  #quietSinceMs: number = Number.NEGATIVE_INFINITY;
  /** Calls since then that were not alone. */
  #crowded = 0;
  /** From when on a measurement is wanted. */
  #measureMs: number = Number.NEGATIVE_INFINITY;

  constructor(options: AdaptiveConcurrencyOptions, rng: Rng) {
    this.#minLimit = whole("minLimit", options.minLimit ?? 3);
    this.#maxLimit = whole("maxLimit", options.maxLimit ?? 1000);
    this.#limit = whole("initialLimit", options.initialLimit ?? Math.max(this.#minLimit, Math.min(20, this.#maxLimit)));
    this.#updateIntervalMs = positive("updateIntervalMs", options.updateIntervalMs ?? 100);
    this.#percentile = positive("percentile", options.percentile ?? 0.5);
    this.#minRttIntervalMs = positive("minRttIntervalMs", options.minRttIntervalMs ?? 60_000);
    this.#minRttRequests = whole("minRttRequests", options.minRttRequests ?? 50);
    this.#jitter = options.jitter ?? 0.15;
    this.#buffer = options.buffer ?? 0.25;
    this.#rng = rng;
    if (!(this.#minLimit <= this.#limit && this.#limit <= this.#maxLimit)) {
      throw new RangeError(
        `adaptiveConcurrency: minLimit ${this.#minLimit}, initialLimit ${this.#limit} and maxLimit ${this.#maxLimit} must not fall`,
      );
    }
    if (this.#percentile > 1) throw new RangeError(`percentile must not be above 1: ${this.#percentile}`);
    if (!(this.#jitter >= 0 && this.#buffer >= 0)) {
      throw new RangeError(`jitter and buffer must not be below 0: ${this.#jitter} and ${this.#buffer}`);
    }
  }

  get limit(): number {
    return this.measuring ? this.#minLimit : this.#limit;
  }

  /** A call asks to be let in: takes the time for what is due. */
  advance(nowMs: number): void {
    if (nowMs < this.#updateMs || this.measuring) return;
    if (this.#latencies.count >= leastSamples && this.minRttMs > 0) this.#update(nowMs);
    if (this.#crowded >= this.#minRttRequests && nowMs >= this.#measureMs) {
      this.measuring = true;
      this.#startQuiet(nowMs);
    }
  }

  /** A call was let in, as the `nth` of those under way; whether it is nearly alone. */
  admitted(nth: number): boolean {
    if (nth > this.#peak) this.#peak = nth;
    if (nth <= this.#minLimit) return true;
    this.#crowded++;
    return false;
  }

  /** A call was answered that began at `sinceMs`, and of which `admitted` said `quiet`. */
  answered(sinceMs: number, quiet: boolean, nowMs: number): void {
    const latencyMs = nowMs - sinceMs;
    this.#latencies.add(latencyMs);
    if (!quiet || sinceMs < this.#quietSinceMs) return;
    this.#quiet.add(latencyMs);
    if (this.#quiet.count >= this.#minRttRequests && nowMs >= this.#measureMs) this.#learn(nowMs);
  }

  /** A call was given up that began at `sinceMs`: it would have taken longer. */
  timedOut(sinceMs: number, nowMs: number): void {
    this.#latencies.add(nowMs - sinceMs);
  }

  #update(nowMs: number): void {
    this.sampleRttMs = Math.max(this.#latencies.percentile(this.#percentile), leastMs);
    const gradient = (this.minRttMs * (1 + this.#buffer)) / this.sampleRttMs;
    this.gradient = Math.min(Math.max(gradient, lowestGradient), highestGradient);
    const scaled = this.#limit * this.gradient;
    const wanted = Math.floor(Math.min(Math.max(scaled + Math.sqrt(scaled), this.#minLimit), this.#maxLimit));
    if (wanted < this.#limit || this.#peak * 2 >= this.#limit) this.#limit = wanted;
    this.#startInterval(nowMs);
    this.#updatesAtMin = this.#limit === this.#minLimit ? this.#updatesAtMin + 1 : 0;
    // Once only: each doubt begins to count anew.
    if (this.#updatesAtMin >= doubtAfter && nowMs < this.#measureMs) {
      this.#measureMs = nowMs;
      this.#startQuiet(nowMs);
    }
  }

  #learn(nowMs: number): void {
    this.minRttMs = Math.max(this.#quiet.percentile(this.#percentile), leastMs);
    this.#measureMs = nowMs + this.#minRttIntervalMs * (1 + this.#jitter * this.#rng.next());
    this.measuring = false;
    this.#startQuiet(nowMs);
    this.#startInterval(nowMs);
    this.#updatesAtMin = 0;
  }

  #startInterval(nowMs: number): void {
    this.#updateMs = nowMs + this.#updateIntervalMs;
    this.#latencies.reset();
    this.#peak = 0;
  }

  #startQuiet(nowMs: number): void {
    this.#quiet.reset();
    this.#quietSinceMs = nowMs;
    this.#crowded = 0;
  }
}

function whole(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`${name} must be a whole number above 0: ${value}`);
  return value;
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new RangeError(`${name} must be above 0: ${value}`);
  return value;
}
