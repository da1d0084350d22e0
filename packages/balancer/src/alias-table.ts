/**
 * One of n by weight, in one step whatever n is.
 *
 * Shape: n columns of one height, each shared by two at most: the column's own number below its mark, another above it.
 * Weights are 0 or more; if all are 0, all are alike.
 * Cost: a draw is one multiplication and one or two reads; building is linear.
 * Source: Vose's alias method.
 */
export class AliasTable {
  readonly #marks: Float64Array;
  readonly #others: Int32Array;

  constructor(weights: ArrayLike<number>) {
    const n = weights.length;
    this.#marks = new Float64Array(n).fill(1);
    this.#others = Int32Array.from({ length: n }, (_, i) => i);
    let whole = 0;
    for (let i = 0; i < n; i++) whole += weights[i] as number;
    if (!(whole > 0)) return;
    const heights = Float64Array.from({ length: n }, (_, i) => ((weights[i] as number) / whole) * n);
    const low: number[] = [];
    const high: number[] = [];
    for (let i = 0; i < n; i++) ((heights[i] as number) < 1 ? low : high).push(i);
    // What rounding leaves over, at the end, is a whole column but for that.
    while (low.length > 0 && high.length > 0) {
      const small = low.pop() as number;
      const large = high[high.length - 1] as number;
      this.#marks[small] = heights[small] as number;
      this.#others[small] = large;
      heights[large] = (heights[large] as number) - (1 - (heights[small] as number));
      if ((heights[large] as number) < 1) low.push(high.pop() as number);
    }
  }

  /** `point` is in [0, 1). */
  at(point: number): number {
    const marks = this.#marks;
    const scaled = point * marks.length;
    const column = Math.min(Math.floor(scaled), marks.length - 1);
    return scaled - column < (marks[column] as number) ? column : (this.#others[column] as number);
  }
}
