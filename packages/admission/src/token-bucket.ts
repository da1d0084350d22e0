/** How many requests may come. */
export interface RequestRate {
  /** Whole, above 0, at most 1,000,000,000. */
  readonly requestsPerSecond: number;
  /** Requests that may come at once after a pause: whole, above 0; as many as in a second if not given. */
  readonly burst?: number;
}

/** Parts of a request that a bucket counts in: what one microsecond at one request per second is worth. */
const parts = 1_000_000;
const highest = 1_000_000_000;

/** A rate, in the whole numbers that its buckets count in. */
export class BucketRate {
  readonly perSecond: number;
  /** Parts that a full bucket holds. Below 2^53, so that every sum is exact. */
  readonly capacity: number;
  /** Time in which an empty bucket is full again. */
  readonly refillUs: number;

  constructor({ requestsPerSecond, burst = requestsPerSecond }: RequestRate) {
    for (const [name, value] of Object.entries({ requestsPerSecond, burst })) {
      if (!Number.isInteger(value) || value < 1 || value > highest) {
        throw new RangeError(`rateLimit: ${name} must be a whole number from 1 to ${highest}, not ${value}`);
      }
    }
    this.perSecond = requestsPerSecond;
    this.capacity = burst * parts;
    this.refillUs = Math.ceil(this.capacity / requestsPerSecond);
  }
}

/**
 * A token bucket, counted in whole numbers: over any span it gives out at most rate times span, and a burst.
 *
 * Shape: time is passed in and does not go back; a bucket that has not been asked for `refillUs` is as good as new.
 * Units: microseconds.
 */
export class TokenBucket {
  readonly #rate: BucketRate;
  /** Parts that were given out and have not come back. */
  #used: number;
  #atUs: number;

  /** `used` parts are missing at first. */
  constructor(rate: BucketRate, nowUs: number, used = 0) {
    this.#rate = rate;
    this.#used = used;
    this.#atUs = nowUs;
  }

  usedAt(nowUs: number): number {
    // Where the product is beyond what a double counts exactly it is beyond any capacity, too.
    return Math.max(this.#used - (nowUs - this.#atUs) * this.#rate.perSecond, 0);
  }

  /** How long it is until a request may come; 0 for at once. */
  waitUs(nowUs: number): number {
    const over = this.usedAt(nowUs) + parts - this.#rate.capacity;
    return over <= 0 ? 0 : Math.ceil(over / this.#rate.perSecond);
  }

  /** Takes one request's worth: only when `waitUs` is 0. */
  take(nowUs: number): void {
    this.#used = this.usedAt(nowUs) + parts;
    this.#atUs = nowUs;
  }
}
