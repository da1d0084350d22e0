/** A point of a rate over time. Two points of one time are a step. */
export interface RatePoint {
  readonly atMs: number;
  /** Requests per second. */
  readonly rps: number;
}

/**
 * A rate that changes along straight lines: from point to point, level before the first and after the last.
 *
 * Shape: with `repeatMs` the points, which are within it, come again and again.
 * Errors: RangeError for points out of order, or a rate below zero.
 */
export class RateProfile {
  readonly #points: readonly RatePoint[];
  readonly #repeatMs: number;
  readonly #perTurn: number;

  constructor(points: readonly RatePoint[], repeatMs: number = Number.POSITIVE_INFINITY) {
    if (points.length === 0) throw new RangeError("a rate needs at least one point");
    let lastMs = 0;
    for (const { atMs, rps } of points) {
      if (!(rps >= 0 && rps < Number.POSITIVE_INFINITY)) throw new RangeError(`a rate of ${rps} a second is none`);
      if (!(atMs >= lastMs && atMs <= repeatMs)) throw new RangeError(`the point at ${atMs} ms is out of order`);
      lastMs = atMs;
    }
    this.#points = points;
    this.#repeatMs = repeatMs;
    this.#perTurn = Number.isFinite(repeatMs) ? this.#within(0, repeatMs) : 0;
  }

  /** Requests per second at that time; after a step, what it goes to. */
  at(ms: number): number {
    const within = Number.isFinite(this.#repeatMs) ? ms % this.#repeatMs : ms;
    const next = this.#points.findIndex((point) => point.atMs > within);
    const after = this.#points[next];
    const before = this.#points[(next === -1 ? this.#points.length : next) - 1];
    if (before === undefined) return (after as RatePoint).rps;
    if (after === undefined) return before.rps;
    return before.rps + ((after.rps - before.rps) * (within - before.atMs)) / (after.atMs - before.atMs);
  }

  /** How many requests it is between two times; a fraction, as a rule. */
  between(fromMs: number, toMs: number): number {
    return this.#until(toMs) - this.#until(fromMs);
  }

  /** When that many requests more will have come, seen from `fromMs`; `Infinity` when they never will. */
  whenMore(fromMs: number, requests: number): number {
    let left = requests;
    let turn = 0;
    let atMs = fromMs;
    if (Number.isFinite(this.#repeatMs)) {
      turn = Math.floor(fromMs / this.#repeatMs) * this.#repeatMs;
      atMs = fromMs - turn;
      const rest = this.#within(atMs, this.#repeatMs);
      if (left > rest) {
        if (this.#perTurn === 0) return Number.POSITIVE_INFINITY;
        left -= rest;
        // A whole number of turns leaves all of the last one, not nothing of the next.
        const turns = Math.max(Math.ceil(left / this.#perTurn) - 1, 0);
        left -= turns * this.#perTurn;
        turn += (turns + 1) * this.#repeatMs;
        atMs = 0;
      }
    }
    return turn + this.#whenWithin(atMs, left);
  }

  #until(ms: number): number {
    if (!Number.isFinite(this.#repeatMs)) return this.#within(0, ms);
    const turns = Math.floor(ms / this.#repeatMs);
    return turns * this.#perTurn + this.#within(0, ms - turns * this.#repeatMs);
  }

  /** The area below the line, both times within one turn. */
  #within(fromMs: number, toMs: number): number {
    let area = 0;
    this.#eachPiece(fromMs, (startMs, endMs, startRate, slope) => {
      const lengthMs = Math.min(endMs, toMs) - startMs;
      if (lengthMs > 0) area += (startRate + (slope * lengthMs) / 2) * lengthMs;
      return endMs >= toMs;
    });
    return area;
  }

  #whenWithin(fromMs: number, requests: number): number {
    let left = requests;
    let when = Number.POSITIVE_INFINITY;
    this.#eachPiece(fromMs, (startMs, endMs, startRate, slope) => {
      const lengthMs = endMs - startMs;
      const area =
        lengthMs === Number.POSITIVE_INFINITY
          ? Number.POSITIVE_INFINITY
          : (startRate + (slope * lengthMs) / 2) * lengthMs;
      if (startRate === 0 && slope === 0) return false;
      if (area < left) {
        left -= area;
        return false;
      }
      // The root of slope/2 x^2 + startRate x = left, in the form that loses no digits for a small slope.
      const root = Math.sqrt(Math.max(startRate * startRate + 2 * slope * left, 0));
      const aheadMs = left === 0 ? 0 : (2 * left) / (startRate + root);
      when = Math.min(startMs + aheadMs, endMs);
      return true;
    });
    return when;
  }

  /** Straight pieces from a time on, with the rate at their start in requests per ms; until `visit` has had enough. */
  #eachPiece(
    fromMs: number,
    visit: (startMs: number, endMs: number, startRate: number, slope: number) => boolean,
  ): void {
    const points = this.#points;
    const first = points[0] as RatePoint;
    if (fromMs < first.atMs && visit(fromMs, first.atMs, first.rps / 1000, 0)) return;
    for (let i = 1; i < points.length; i++) {
      const before = points[i - 1] as RatePoint;
      const after = points[i] as RatePoint;
      if (after.atMs <= fromMs || after.atMs === before.atMs) continue;
      const startMs = Math.max(before.atMs, fromMs);
      const slope = (after.rps - before.rps) / 1000 / (after.atMs - before.atMs);
      if (visit(startMs, after.atMs, before.rps / 1000 + slope * (startMs - before.atMs), slope)) return;
    }
    const last = points.at(-1) as RatePoint;
    visit(Math.max(last.atMs, fromMs), Number.POSITIVE_INFINITY, last.rps / 1000, 0);
  }
}
