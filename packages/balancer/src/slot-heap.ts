import { nextInt, type Rng } from "@weftmesh/core";

/**
 * Some of the slots 0 to n - 1, that with the least key first.
 *
 * Shape: a binary heap that knows the place of each slot. The keys are whoever's who gave them: who changes one says so
 * by `moved`. Between two calls no slot's key is above those of the two below it.
 * Cost: O(log n) per change, no allocation.
 */
export class SlotHeap {
  readonly #keys: Float64Array;
  /** The slots, from index 0; those below place i are at 2i + 1 and 2i + 2. */
  readonly #slots: Int32Array;
  /** Where each slot stands; -1 for one that is not in. */
  readonly #places: Int32Array;
  #size = 0;

  constructor(keys: Float64Array) {
    this.#keys = keys;
    this.#slots = new Int32Array(keys.length);
    this.#places = new Int32Array(keys.length).fill(-1);
  }

  get size(): number {
    return this.#size;
  }

  /** One with the least key; -1 when there is none. */
  get first(): number {
    return this.#size === 0 ? -1 : (this.#slots[0] as number);
  }

  has(slot: number): boolean {
    return this.placeOf(slot) !== -1;
  }

  /** From 0; -1 for one that is not in. */
  placeOf(slot: number): number {
    return this.#places[slot] as number;
  }

  add(slot: number): void {
    this.#put(slot, this.#size++);
    this.#rise(slot);
  }

  remove(slot: number): void {
    const place = this.placeOf(slot);
    const last = this.#slots[--this.#size] as number;
    this.#places[slot] = -1;
    if (last === slot) return;
    this.#put(last, place);
    this.moved(last);
  }

  /** The key of a slot has changed. */
  moved(slot: number): void {
    // Both ways: what comes from elsewhere in the heap may belong above its new place as well as below it.
    this.#rise(slot);
    this.#sink(slot);
  }

  /**
   * The key of a slot has become the least there is: puts it at a random place, as far as order allows, so that slots
   * with one key do not come up in the order in which they came to it.
   */
  scatter(slot: number, rng: Rng): void {
    this.remove(slot);
    const place = nextInt(rng, this.#size + 1);
    if (place === this.#size) {
      this.add(slot);
      return;
    }
    const other = this.#slots[place] as number;
    this.#put(slot, place);
    this.#rise(slot);
    this.add(other);
  }

  #put(slot: number, place: number): void {
    this.#slots[place] = slot;
    this.#places[slot] = place;
  }

  #rise(slot: number): void {
    const key = this.#keys[slot] as number;
    let place = this.placeOf(slot);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = this.#slots[above] as number;
      if ((this.#keys[other] as number) <= key) break;
      this.#put(other, place);
      place = above;
    }
    this.#put(slot, place);
  }

  #sink(slot: number): void {
    const key = this.#keys[slot] as number;
    const size = this.#size;
    let place = this.placeOf(slot);
    for (let below = 2 * place + 1; below < size; below = 2 * place + 1) {
      let least = this.#slots[below] as number;
      if (below + 1 < size) {
        const right = this.#slots[below + 1] as number;
        if ((this.#keys[right] as number) < (this.#keys[least] as number)) {
          least = right;
          below++;
        }
      }
      if ((this.#keys[least] as number) >= key) break;
      this.#put(least, place);
      place = below;
    }
    this.#put(slot, place);
  }
}
