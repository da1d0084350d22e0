import type { Rng } from "@weftmesh/core";

/**
 * Picks one of n by weight.
 *
 * Shape: made once per set of weights. A weight that is negative or no number counts as 0; when none is above 0 every
 * branch is as likely as another. Infinite weights share everything among themselves.
 * Cost: one random number and two array reads, whatever n is.
 * Source: Vose's alias method.
 */
export class WeightedPick {
  readonly size: number;
  /** The share of its own column that each keeps; the rest of the column is its alias's. */
  readonly #keep: Float64Array;
  readonly #alias: Int32Array;

  constructor(weights: readonly number[]) {
    const n = weights.length;
    if (n === 0) throw new TypeError("there is nothing to pick from");
    this.size = n;
    this.#keep = new Float64Array(n).fill(1);
    this.#alias = Int32Array.from({ length: n }, (_, i) => i);
    const shares = sharesOf(weights);
    const small: number[] = [];
    const large: number[] = [];
    for (let i = 0; i < n; i++) {
      shares[i] = (shares[i] as number) * n;
      if ((shares[i] as number) < 1) small.push(i);
      else large.push(i);
    }
    for (let low = small.pop(); low !== undefined; low = small.pop()) {
      const high = large.pop();
      // Only rounding leaves a column short with nobody to fill it: it is full.
      if (high === undefined) break;
      this.#keep[low] = shares[low] as number;
      this.#alias[low] = high;
      const left = (shares[high] as number) - (1 - (shares[low] as number));
      shares[high] = left;
      if (left < 1) small.push(high);
      else large.push(high);
    }
  }

  pick(rng: Rng): number {
    const at = rng.next() * this.size;
    const column = Math.floor(at);
    return at - column < (this.#keep[column] as number) ? column : (this.#alias[column] as number);
  }

  /** How likely `i` is, as the table has it. */
  probability(i: number): number {
    let total = this.#keep[i] ?? 0;
    for (let column = 0; column < this.size; column++) {
      if (column !== i && this.#alias[column] === i) total += 1 - (this.#keep[column] as number);
    }
    return total / this.size;
  }
}

/** Weights as shares of 1. */
export function sharesOf(weights: readonly number[]): Float64Array {
  const infinite = weights.includes(Number.POSITIVE_INFINITY);
  const usable = weights.map((each) => {
    if (infinite) return each === Number.POSITIVE_INFINITY ? 1 : 0;
    return Number.isNaN(each) ? 0 : Math.max(each, 0);
  });
  // Dividing by the largest first keeps the sum of huge weights finite.
  const largest = usable.reduce((a, b) => Math.max(a, b), 0);
  if (largest === 0) return new Float64Array(weights.length).fill(1 / weights.length);
  const scaled = Float64Array.from(usable, (each) => each / largest);
  let sum = 0;
  for (const each of scaled) sum += each;
  return scaled.map((each) => each / sum);
}
