/** Which of `size` slots hold anything: a bit each, looked through 32 at a time. */
export class SlotSet {
  readonly #words: Int32Array;

  /** `size` is a multiple of 32. */
  constructor(size: number) {
    this.#words = new Int32Array(size >>> 5);
  }

  add(slot: number): void {
    const at = slot >>> 5;
    this.#words[at] = (this.#words[at] as number) | (1 << slot);
  }

  delete(slot: number): void {
    const at = slot >>> 5;
    this.#words[at] = (this.#words[at] as number) & ~(1 << slot);
  }

  /** How many slots `from` is before the first one that holds anything, going round; -1 when none does. */
  distance(from: number): number {
    const words = this.#words;
    const first = from >>> 5;
    const here = (words[first] as number) >>> from;
    if (here !== 0) return lowestBit(here);
    // The last one of all is the word of `from` again, for those of its bits that are before `from`.
    for (let i = 1; i <= words.length; i++) {
      const word = words[(first + i) % words.length] as number;
      if (word !== 0) return i * 32 - (from & 31) + lowestBit(word);
    }
    return -1;
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
