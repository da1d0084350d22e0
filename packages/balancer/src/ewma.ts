/**
 * A moving average of latencies that jumps up at once and comes down slowly, and fades while nothing is heard.
 *
 * Units: ms. After `decayTimeMs` without news about 37 % of it is left; after 0.69 times that, half. With a decay time of
 * 0 the last value counts until the clock moves on.
 * Source: Finagle PeakEwma; differs in that reading it changes nothing.
 */
export class Ewma {
  #costMs = 0;
  #stampMs = 0;
  readonly #decayTimeMs: number;

  constructor(decayTimeMs: number) {
    this.#decayTimeMs = decayTimeMs;
  }

  observe(latencyMs: number, nowMs: number): void {
    const latency = Math.max(latencyMs, 0);
    if (latency > this.#costMs || !(this.#decayTimeMs > 0)) this.#costMs = latency;
    else {
      const kept = this.#kept(nowMs);
      this.#costMs = this.#costMs * kept + latency * (1 - kept);
    }
    this.#stampMs = Math.max(this.#stampMs, nowMs);
  }

  /** News of a latency that is not over yet: it counts where it is more than is left of what was known. */
  atLeast(latencyMs: number, nowMs: number): void {
    if (!(latencyMs > this.at(nowMs))) return;
    this.#costMs = latencyMs;
    this.#stampMs = Math.max(this.#stampMs, nowMs);
  }

  /** What is left of it at that time; 0 when nothing is, or was ever known. */
  at(nowMs: number): number {
    return this.#costMs * this.#kept(nowMs);
  }

  /** The share of the old value that counts now, 0 to 1. */
  #kept(nowMs: number): number {
    const passedMs = nowMs - this.#stampMs;
    if (!(passedMs > 0)) return 1;
    return this.#decayTimeMs > 0 ? Math.exp(-passedMs / this.#decayTimeMs) : 0;
  }
}
