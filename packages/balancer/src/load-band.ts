export interface LoadBandOptions {
  /** Calls in flight per endpoint in use, at which fewer are used; 0.5 if not given. */
  readonly lowLoad?: number;
  /** Calls in flight per endpoint in use, at which more are used; 2 if not given. */
  readonly highLoad?: number;
  /** ms over which the calls in flight are averaged; 5,000 if not given, 0 for no average. */
  readonly smoothWindowMs?: number;
}

/** Told of each step. */
export interface LoadBandWatcher {
  widened(): void;
  narrowed(): void;
}

/**
 * How many endpoints a client uses, so that the calls in flight on each of them, on average, stay within a band.
 *
 * Shape: each begin and end of a call widens by one, narrows by one, or leaves it; the band between gives rest.
 * Units: the average weighs each moment by its age, e times less per `smoothWindowMs`; it is exact over time, however
 * many calls begin or end at one moment.
 * Errors: RangeError for a band that is none.
 * Source: Finagle's LoadBand; differs in that the average counts what was in flight during the time that has passed, and
 * not what is after it, which would hold a client whose calls follow each other without a gap to be idle.
 */
export class LoadBand {
  readonly #low: number;
  readonly #high: number;
  readonly #windowMs: number;
  readonly #watcher: LoadBandWatcher;
  #width = 1;
  #min = 1;
  #max = 1;
  #inFlight = 0;
  /** The average and when it was made: a field would be a new box for each fraction, twice per call. */
  readonly #past: Float64Array;

  constructor(options: LoadBandOptions, watcher: LoadBandWatcher, nowMs: number) {
    const { lowLoad = 0.5, highLoad = 2, smoothWindowMs = 5000 } = options;
    if (!(lowLoad >= 0)) throw new RangeError(`lowLoad is ${lowLoad}: it must be 0 or more`);
    if (!(highLoad > lowLoad)) throw new RangeError(`highLoad is ${highLoad}: it must be above lowLoad, ${lowLoad}`);
    if (!(smoothWindowMs >= 0)) throw new RangeError(`smoothWindowMs is ${smoothWindowMs}: it must be 0 or more`);
    this.#low = lowLoad;
    this.#high = highLoad;
    this.#windowMs = smoothWindowMs;
    this.#watcher = watcher;
    this.#past = Float64Array.of(0, nowMs);
  }

  /** Endpoints in use. */
  get width(): number {
    return this.#width;
  }

  /** The endpoints are others: as many as before are used, as far as that can be. `min` is at least 1. */
  fit(min: number, max: number): void {
    this.#max = Math.max(max, 1);
    this.#min = min;
    this.#width = Math.min(Math.max(this.#width, this.#min), this.#max);
  }

  /** The calls in flight are these, without one that began or ended: some have gone with their endpoint. */
  recount(inFlight: number, nowMs: number): void {
    this.#past[0] = this.average(nowMs);
    this.#past[1] = Math.max(this.#past[1] as number, nowMs);
    this.#inFlight = inFlight;
  }

  /** A call has begun, `by` 1, or ended, `by` -1; it takes a step where it `steps`. */
  changed(by: 1 | -1, nowMs: number, steps: boolean): void {
    this.recount(this.#inFlight + by, nowMs);
    if (this.#windowMs === 0) this.#past[0] = this.#inFlight;
    if (!steps) return;
    const load = (this.#past[0] as number) / this.#width;
    if (load >= this.#high) {
      if (this.#width === this.#max) return;
      this.#width++;
      this.#watcher.widened();
    } else if (load <= this.#low && this.#width > this.#min) {
      this.#width--;
      this.#watcher.narrowed();
    }
  }

  /** Calls in flight on average. */
  average(nowMs: number): number {
    const before = this.#past[0] as number;
    const passedMs = nowMs - (this.#past[1] as number);
    if (!(passedMs > 0)) return before;
    const kept = this.#windowMs > 0 ? Math.exp(-passedMs / this.#windowMs) : 0;
    return this.#inFlight * (1 - kept) + before * kept;
  }
}
