import { isWeftError } from "@weftmesh/core";
import type { HttpResponse } from "@weftmesh/http";
import { FloatList } from "./float-list.ts";
import { percentile } from "./percentiles.ts";
import { spanOf, Tally } from "./tally.ts";

/** One number per span of time; a request counts in the span in which it was sent. */
export interface LoadSeries {
  readonly requests: readonly number[];
  /** Answered well, within the limit. */
  readonly successes: readonly number[];
  readonly failures: readonly number[];
  readonly p50Ms: readonly number[];
  readonly p99Ms: readonly number[];
}

/** What became of the requests of a load. */
export class LoadRecorder {
  requests = 0;
  /** Answered below 500. */
  answered = 0;
  failed = 0;
  /** Answered below 500 in less than the limit. */
  withinLimit = 0;
  /** By status or code. */
  readonly failures: Map<string, number> = new Map();
  /** Of those that were answered well. */
  readonly latenciesMs: FloatList = new FloatList();
  readonly requestTimesMs: FloatList | undefined;
  readonly #sentMs = new FloatList();
  readonly #limitMs: number;
  readonly #bucketMs: number;
  readonly #sent: Tally;
  readonly #well: Tally;
  readonly #badly: Tally;

  constructor(limitMs: number, bucketMs: number, keepsTimes: boolean) {
    this.#limitMs = limitMs;
    this.#bucketMs = bucketMs;
    this.#sent = new Tally(bucketMs);
    this.#well = new Tally(bucketMs);
    this.#badly = new Tally(bucketMs);
    this.requestTimesMs = keepsTimes ? new FloatList() : undefined;
  }

  get inFlight(): number {
    return this.requests - this.answered - this.failed;
  }

  sent(nowMs: number): void {
    this.requests++;
    this.#sent.count(nowMs);
    this.requestTimesMs?.push(nowMs);
  }

  respond(sentMs: number, nowMs: number, rep: HttpResponse): void {
    if (rep.status >= 500) {
      this.#fail(sentMs, String(rep.status));
      return;
    }
    this.answered++;
    const latencyMs = nowMs - sentMs;
    this.latenciesMs.push(latencyMs);
    this.#sentMs.push(sentMs);
    if (latencyMs >= this.#limitMs) return;
    this.withinLimit++;
    this.#well.count(sentMs);
  }

  fail(sentMs: number, error: Error): void {
    this.#fail(sentMs, isWeftError(error) ? error.code : error.name);
  }

  series(length: number): LoadSeries {
    const perBucket: number[][] = Array.from({ length }, () => []);
    const sent = this.#sentMs.view();
    for (let i = 0; i < sent.length; i++) {
      perBucket[spanOf(sent[i] as number, this.#bucketMs)]?.push(this.latenciesMs.at(i));
    }
    const sorted = perBucket.map((latencies) => Float64Array.from(latencies).sort());
    return {
      requests: this.#sent.read(length),
      successes: this.#well.read(length),
      failures: this.#badly.read(length),
      p50Ms: sorted.map((latencies) => percentile(latencies, 0.5)),
      p99Ms: sorted.map((latencies) => percentile(latencies, 0.99)),
    };
  }

  #fail(sentMs: number, kind: string): void {
    this.failed++;
    this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1);
    this.#badly.count(sentMs);
  }
}
