/** Slots of the window over which requests are counted. */
const slots = 10;

/**
 * Counts events of the last second, in slots of 100 ms that begin at full multiples of it.
 *
 * Shape: the slot that is under way and the nine before it. Time is passed in.
 */
export class RecentCount {
  readonly #counts: Int32Array = new Int32Array(slots);
  #slot = 0;
  #sum = 0;

  add(nowMs: number): void {
    this.#move(nowMs);
    const at = this.#slot % slots;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sum++;
  }

  sum(nowMs: number): number {
    this.#move(nowMs);
    return this.#sum;
  }

  #move(nowMs: number): void {
    const slot = Math.floor(nowMs / 100);
    if (slot <= this.#slot) return;
    const first = Math.max(this.#slot + 1, slot - slots + 1);
    for (let each = first; each <= slot; each++) {
      this.#sum -= this.#counts[each % slots] as number;
      this.#counts[each % slots] = 0;
    }
    this.#slot = slot;
  }
}

/**
 * Which share of the calls of late was accepted, as a moving average over time.
 *
 * Shape: what is `windowMs` old counts for 37 %; several answers of one instant count as one. 1 before the first.
 * Source: Finagle LossyEma.
 */
export class AcceptRate {
  value = 1;
  readonly #windowMs: number;
  #lastMs: number;

  constructor(windowMs: number, nowMs: number) {
    this.#windowMs = windowMs;
    this.#lastMs = nowMs;
  }

  update(accepted: boolean, nowMs: number): void {
    const kept = Math.exp(-Math.max(nowMs - this.#lastMs, 0) / this.#windowMs);
    this.value = (accepted ? 1 - kept : 0) + this.value * kept;
    this.#lastMs = nowMs;
  }
}
