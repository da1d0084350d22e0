const slots = 10;

/**
 * The sum of what was added within the last `windowMs`, to a tenth of it.
 *
 * Shape: the slots stand at fixed times, `floor(now / slot)`, whenever they are looked at; so an amount counts for more
 * than nine tenths of the window and never for more than all of it, however seldom anybody asks.
 * Units: ms. Cost: O(1), without allocation; after a pause at most ten slots are cleared.
 */
export class SlidingSum {
  readonly #slotMs: number;
  readonly #amounts: Float64Array = new Float64Array(slots);
  #slot: number;
  #sum = 0;

  constructor(windowMs: number, nowMs: number) {
    this.#slotMs = windowMs / slots;
    this.#slot = Math.floor(nowMs / this.#slotMs);
  }

  add(amount: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#amounts[indexOf(this.#slot)] = (this.#amounts[indexOf(this.#slot)] as number) + amount;
    this.#sum += amount;
  }

  at(nowMs: number): number {
    this.#advance(nowMs);
    return this.#sum;
  }

  /** Forgets what is too old. Time that goes back changes nothing. */
  #advance(nowMs: number): void {
    const slot = Math.floor(nowMs / this.#slotMs);
    if (slot <= this.#slot) return;
    for (let each = Math.max(this.#slot + 1, slot - slots + 1); each <= slot; each++) {
      const index = indexOf(each);
      this.#sum -= this.#amounts[index] as number;
      this.#amounts[index] = 0;
    }
    this.#slot = slot;
  }
}

/** A clock may have its origin in the future. */
function indexOf(slot: number): number {
  return ((slot % slots) + slots) % slots;
}
