/** Slots of the period. The one under way is part of it, so that what was put in lasts nine to ten tenths of it. */
const slots = 10;
/** Tokens for a call that was served: whole numbers, so that many of them add up without an error. */
const deposit = 1000;

export interface RejectBucketOptions {
  /** A ratio of the calls that were served, above 0: 0.2 is one for every five. */
  readonly maxRejectFraction: number;
  /** ms over which both are counted: 1,000 to 60,000. */
  readonly periodMs: number;
  readonly nowMs: number;
}

/**
 * Allows about `maxRejectFraction` rejections for each call that was served within the period, and none in advance.
 *
 * Shape: a leaky bucket, with ten slots of absolute time, so that it does not matter when it is looked at.
 * Errors: RangeError for options that are out of range.
 * Cost: O(1), no allocation.
 * Source: Finagle DeadlineFilter and its leaky TokenBucket; differs in that a slot's time is absolute.
 */
export class RejectBucket {
  readonly #price: number;
  readonly #slotMs: number;
  readonly #tokens: Float64Array = new Float64Array(slots);
  #balance = 0;
  /** The slot of the latest look, counted from the clock's zero. */
  #slot: number;

  constructor(options: RejectBucketOptions) {
    const { maxRejectFraction, periodMs, nowMs } = options;
    if (!(maxRejectFraction > 0)) throw new RangeError(`maxRejectFraction must be above 0, not ${maxRejectFraction}`);
    if (!(periodMs >= 1000 && periodMs <= 60_000)) {
      throw new RangeError(`the period of rejections must be 1000 to 60000 ms, not ${periodMs}`);
    }
    this.#price = Math.floor(deposit / maxRejectFraction);
    this.#slotMs = periodMs / slots;
    this.#slot = Math.floor(nowMs / this.#slotMs);
  }

  /** A call is served. */
  served(nowMs: number): void {
    this.#moveTo(nowMs);
    this.#add(deposit);
  }

  /** True when a call may be rejected, and notes that it is. */
  tryReject(nowMs: number): boolean {
    this.#moveTo(nowMs);
    if (this.#balance < this.#price) return false;
    this.#add(-this.#price);
    return true;
  }

  #add(tokens: number): void {
    const at = this.#slot % slots;
    this.#tokens[at] = (this.#tokens[at] as number) + tokens;
    this.#balance += tokens;
  }

  /** Forgets the slots that have left the period. */
  #moveTo(nowMs: number): void {
    const slot = Math.floor(nowMs / this.#slotMs);
    if (slot <= this.#slot) return;
    for (let next = Math.max(this.#slot + 1, slot - slots + 1); next <= slot; next++) {
      this.#balance -= this.#tokens[next % slots] as number;
      this.#tokens[next % slots] = 0;
    }
    this.#slot = slot;
  }
}
