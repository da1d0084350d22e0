import type { Stat } from "@weftmesh/telemetry";
import { longestMs, PercentileWindow } from "./percentile-window.ts";

const refreshMs = 3_000;
const sliceMs = 10_000;
const slices = 3;

/**
 * How long a call waits for its answer before a backup is sent: a percentile of the latencies of the last 20 to 30 s.
 *
 * Shape: `Infinity`, which is never, for the first 3 s, while no latency is known, and where the percentile is beyond
 * what the window can tell apart. It changes with the first call of each 3 s, so that an idle service needs no timer.
 * Units: ms.
 */
export class HedgeDelay {
  readonly #window: PercentileWindow = new PercentileWindow(sliceMs, slices);
  readonly #percentile: number;
  readonly #minDelayMs: number;
  readonly #originMs: number;
  readonly #stat: Stat;
  #period = 0;
  #delayMs = Number.POSITIVE_INFINITY;

  constructor(percentile: number, minDelayMs: number, nowMs: number, stat: Stat) {
    this.#percentile = percentile;
    this.#minDelayMs = minDelayMs;
    this.#originMs = nowMs;
    this.#stat = stat;
  }

  record(nowMs: number, latencyMs: number): void {
    this.#window.add(nowMs, latencyMs);
  }

  at(nowMs: number): number {
    const period = Math.floor((nowMs - this.#originMs) / refreshMs);
    if (period !== this.#period) {
      this.#period = period;
      this.#refresh(nowMs);
    }
    return this.#delayMs;
  }

  #refresh(nowMs: number): void {
    const latencyMs = this.#window.percentile(nowMs, this.#percentile);
    this.#delayMs = Number.POSITIVE_INFINITY;
    if (latencyMs === undefined) return;
    const delayMs = Math.max(latencyMs, this.#minDelayMs);
    this.#stat.add(delayMs);
    if (delayMs < longestMs) this.#delayMs = delayMs;
  }
}
