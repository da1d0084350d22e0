/** How far back the rate remembers, in ms: after this long what was measured counts for 37 %. */
const memoryMs = 10_000;

/**
 * How fast a service whose places are all taken gives one back, measured.
 *
 * Shape: only intervals in which every place was taken count: in any other the service could have done more. They are
 * averaged with weights that fade with their age, so a new pace shows soon after an idle time, and after a long one at
 * once. Time is passed in.
 * Cost: O(1), two numbers, one exponential for each call that ends.
 */
export class ServiceRate {
  /** Faded sums over the intervals between one end and the next. */
  #ends = 0;
  #busyMs = 0;
  /** When the interval that is under way began; while some place is free, when the last one ended. */
  #markMs = 0;

  /** From now on all places are taken. */
  begin(nowMs: number): void {
    const faded = Math.exp((this.#markMs - nowMs) / memoryMs);
    this.#ends *= faded;
    this.#busyMs *= faded;
    this.#markMs = nowMs;
  }

  /** All places were taken, and one of the calls has ended. */
  ended(nowMs: number): void {
    const spanMs = nowMs - this.#markMs;
    const faded = Math.exp(-spanMs / memoryMs);
    this.#ends = this.#ends * faded + 1;
    this.#busyMs = this.#busyMs * faded + spanMs;
    this.#markMs = nowMs;
  }

  /** How long a call waits that comes now, with all places taken, when `ahead` calls are to have their turn before it. */
  expectedWaitMs(ahead: number, nowMs: number): number {
    return (ahead + 1) * this.#intervalMs(nowMs);
  }

  #intervalMs(nowMs: number): number {
    const measuredMs = this.#ends === 0 ? 0 : this.#busyMs / this.#ends;
    // The interval under way is at least as long as it is by now: a service that hangs is noticed without an end.
    const spanMs = nowMs - this.#markMs;
    const faded = Math.exp(-spanMs / memoryMs);
    return Math.max(measuredMs, (this.#busyMs * faded + spanMs) / (this.#ends * faded + 1));
  }
}
