/** Numbers without end, eight bytes each. */
export class FloatList {
  #values = new Float64Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(value: number): void {
    if (this.#size === this.#values.length) {
      const larger = new Float64Array(this.#size * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#size++] = value;
  }

  at(index: number): number {
    return this.#values[index] as number;
  }

  /** A view, good until the next `push`. */
  view(): Float64Array {
    return this.#values.subarray(0, this.#size);
  }

  sorted(): Float64Array {
    return this.#values.slice(0, this.#size).sort();
  }
}
