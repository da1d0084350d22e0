import type { Rng, Status } from "@weftmesh/core";
import { SlotHeap } from "./slot-heap.ts";

/** Of the nodes that were not open, how many are looked at again for each pick: while others are open, and while none is. */
const looks = 16;
const looksForAny = 1024;

/**
 * The node with the least key among those that are open.
 *
 * Shape: two heaps, of the nodes that were open when they were last looked at, and of the others. One at the top that is
 * not open goes over to the others, with its key; the others are looked at in turn, and one that is open comes back. So
 * one that is open again is seen at once while no more than 16 are not, or 1,024 when none is; else some picks later.
 * Cost: O(log n) per pick and per changed key, and the statuses looked at; no allocation.
 */
export class OpenFirst {
  readonly #nodes: readonly { readonly status: Status }[];
  readonly #keys: Float64Array;
  readonly #up: SlotHeap;
  readonly #down: SlotHeap;
  /** The slots in `#down`, in the order in which they are looked at. */
  readonly #waiting: Int32Array;
  #next = 0;

  /** `slots` are all of them, in the order in which those with one key come up first. */
  constructor(nodes: readonly { readonly status: Status }[], keys: Float64Array, slots: Iterable<number>) {
    this.#nodes = nodes;
    this.#keys = keys;
    this.#up = new SlotHeap(keys);
    this.#down = new SlotHeap(keys);
    this.#waiting = new Int32Array(keys.length);
    for (const slot of slots) {
      if (this.#isOpen(slot)) this.#up.add(slot);
      else this.#bench(slot);
    }
  }

  /** The slot with the least key of those that are open; -1 when none was found. */
  firstOpen(): number {
    this.#look(looks);
    const found = this.#top();
    if (found !== -1) return found;
    this.#look(looksForAny);
    return this.#top();
  }

  /** When none is open: the slot with the least key. */
  firstDown(): number {
    return this.#down.first;
  }

  /** The slot with the least key of all, whatever their status. */
  firstOfAll(): number {
    const up = this.#up.first;
    const down = this.#down.first;
    if (up === -1 || down === -1) return Math.max(up, down);
    return (this.#keys[up] as number) <= (this.#keys[down] as number) ? up : down;
  }

  /** The key of a slot has changed. */
  moved(slot: number): void {
    this.#heapOf(slot).moved(slot);
  }

  /** The key of a slot has become the least there is: it comes up in no certain order among its equals. */
  scatter(slot: number, rng: Rng): void {
    this.#heapOf(slot).scatter(slot, rng);
  }

  #heapOf(slot: number): SlotHeap {
    return this.#up.has(slot) ? this.#up : this.#down;
  }

  #isOpen(slot: number): boolean {
    return (this.#nodes[slot] as { readonly status: Status }).status === "open";
  }

  #top(): number {
    for (let slot = this.#up.first; slot !== -1; slot = this.#up.first) {
      if (this.#isOpen(slot)) return slot;
      this.#up.remove(slot);
      this.#bench(slot);
    }
    return -1;
  }

  #bench(slot: number): void {
    this.#waiting[this.#down.size] = slot;
    this.#down.add(slot);
  }

  #look(most: number): void {
    const waiting = this.#waiting;
    for (let left = Math.min(most, this.#down.size); left > 0; left--) {
      if (this.#next >= this.#down.size) this.#next = 0;
      const slot = waiting[this.#next] as number;
      if (!this.#isOpen(slot)) {
        this.#next++;
        continue;
      }
      this.#down.remove(slot);
      // The last takes its place, and is the next to be looked at.
      waiting[this.#next] = waiting[this.#down.size] as number;
      this.#up.add(slot);
    }
  }
}
