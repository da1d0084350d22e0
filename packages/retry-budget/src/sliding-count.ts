/**
 * How many things happened lately, in slots of time.
 *
 * Shape: the slots stand at fixed times, `floor(now / slotMs)`, whenever they are looked at, and the present one and
 * the `slots - 1` before it count. So an event counts for more than `slots - 1` of them, and for no more than `slots`,
 * however seldom anybody asks.
 * Units: ms. Cost: O(1), without allocation; after a pause each slot is cleared once.
 */
export class SlidingCount {
  readonly #slotMs: number;
  readonly #counts: Uint32Array;
  #slot: number;
  #sum = 0;

  constructor(slotMs: number, slots: number, nowMs: number) {
    this.#slotMs = slotMs;
    this.#counts = new Uint32Array(slots);
    this.#slot = Math.floor(nowMs / slotMs);
  }

  add(nowMs: number): void {
    this.#advance(nowMs);
    const index = this.#indexOf(this.#slot);
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#sum++;
  }

  at(nowMs: number): number {
    this.#advance(nowMs);
    return this.#sum;
  }

  /** Forgets what is too old. Time that goes back changes nothing. */
  #advance(nowMs: number): void {
    const slot = Math.floor(nowMs / this.#slotMs);
    if (slot <= this.#slot) return;
    for (let each = Math.max(this.#slot, slot - this.#counts.length) + 1; each <= slot; each++) {
      const index = this.#indexOf(each);
      this.#sum -= this.#counts[index] as number;
      this.#counts[index] = 0;
    }
    this.#slot = slot;
  }

  /** A clock may have its origin in the future. */
  #indexOf(slot: number): number {
    const { length } = this.#counts;
    return ((slot % length) + length) % length;
  }
}
