import type { SessionSlot } from "./session-slot.ts";

/** The sessions that nobody uses, by the time at which they fell idle. Cost: O(1) each. */
export class IdleSessions<Req, Rep> {
  #newest: SessionSlot<Req, Rep> | undefined = undefined;
  #oldest: SessionSlot<Req, Rep> | undefined = undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get oldest(): SessionSlot<Req, Rep> | undefined {
    return this.#oldest;
  }

  push(slot: SessionSlot<Req, Rep>): void {
    const top = this.#newest;
    slot.state = "idle";
    slot.older = top;
    if (top === undefined) this.#oldest = slot;
    else top.newer = slot;
    this.#newest = slot;
    this.#size++;
  }

  /** The one that was used last: its connection is the likeliest to be alive, and the others may grow old and go. */
  takeNewest(): SessionSlot<Req, Rep> | undefined {
    const slot = this.#newest;
    if (slot !== undefined) this.remove(slot);
    return slot;
  }

  /** Leaves the slot in use. */
  remove(slot: SessionSlot<Req, Rep>): void {
    const { older, newer } = slot;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    slot.older = undefined;
    slot.newer = undefined;
    slot.state = "used";
    this.#size--;
  }
}
