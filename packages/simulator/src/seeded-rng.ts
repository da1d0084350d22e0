import type { Rng } from "@weftmesh/core";

/** Chance that is the same for the same seed, on every machine. */
export interface SeededRng extends Rng {
  /**
   * A source of its own, told by the name. It depends on the seed and the names alone, not on what was drawn before: a
   * further backend or client leaves the others' chance as it was.
   */
  stream(name: string): SeededRng;
}

/**
 * Seeded chance, with 53 bits a number.
 *
 * Source: sfc32 of PractRand, 128 bits of state; the seed is spread over it by the finalizer of MurmurHash3.
 */
export function seededRng(seed: number | string): SeededRng {
  return new Sfc32(typeof seed === "number" ? `#${seed}` : seed);
}

class Sfc32 implements SeededRng {
  readonly #name: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(name: string) {
    this.#name = name;
    this.#a = hash(name, 0x9e3779b9);
    this.#b = hash(name, 0x243f6a88);
    this.#c = hash(name, 0xb7e15162);
    // The first numbers still show the seed.
    for (let i = 0; i < 12; i++) this.#word();
  }

  next(): number {
    const high = this.#word() >>> 5;
    const low = this.#word() >>> 6;
    return (high * 67_108_864 + low) / 9_007_199_254_740_992;
  }

  stream(name: string): SeededRng {
    return new Sfc32(`${this.#name}/${name}`);
  }

  #word(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum;
  }
}

function hash(text: string, start: number): number {
  let state = start | 0;
  for (let i = 0; i < text.length; i++) {
    state = Math.imul(state ^ text.charCodeAt(i), 0x85ebca6b);
    state = (state << 13) | (state >>> 19);
  }
  state ^= state >>> 16;
  state = Math.imul(state, 0x85ebca6b);
  state ^= state >>> 13;
  state = Math.imul(state, 0xc2b2ae35);
  return state ^ (state >>> 16);
}
