/** What discovery says, where it can be meant: not a number counts as 1, less than nothing as 0. */
export function usableWeight(weight: number): number {
  if (Number.isNaN(weight)) return 1;
  return Math.min(Math.max(weight, 0), Number.MAX_VALUE);
}

/**
 * One of n by weight, each weight above 0 and at most 1.
 *
 * Cost: one search in a sorted array. An alias table would be quicker, and dearer to build for every change of a set.
 */
export class WeightLine {
  /** Where each ends on the line from which it is drawn. */
  readonly #ends: Float64Array;

  constructor(weights: ArrayLike<number>) {
    const ends = new Float64Array(weights.length);
    let end = 0;
    for (let i = 0; i < ends.length; i++) {
      end += weights[i] as number;
      ends[i] = end;
    }
    this.#ends = ends;
  }

  /** `point` is in [0, 1). */
  at(point: number): number {
    const ends = this.#ends;
    const target = point * (ends[ends.length - 1] as number);
    let low = 0;
    let high = ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ends[middle] as number) > target) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
