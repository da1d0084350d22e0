import { type Clock, compareStatus, type Rng, type Status } from "@weftmesh/core";
import type { Picker } from "./kind.ts";
import type { SlowStart } from "./slow-start.ts";

/** What power of two choices asks of a node. */
export interface Candidate {
  readonly status: Status;
  /** When it joined, in ms of the clock; asked by slow start alone. */
  readonly sinceMs: number;
  load(nowMs: number): number;
}

/**
 * Power of two choices: the better of two different nodes drawn at random.
 *
 * Shape: the better status wins, then the lower load, then the first. So nobody gets more than two of n picks on
 * average, however good it looks, and the strictly worst gets none.
 * Cost: one random number and two nodes looked at, whatever n is.
 * Source: Finagle P2C.
 */
export class P2c<N extends Candidate> implements Picker<N> {
  #nodes: readonly N[] = [];
  readonly #rng: Rng;
  readonly #clock: Clock | undefined;
  readonly #slowStart: SlowStart | undefined;

  /** Without a clock, loads are read at 0 ms: for those that do not change with time. Slow start needs one. */
  constructor(rng: Rng, clock: Clock | undefined, slowStart?: SlowStart) {
    this.#rng = rng;
    this.#clock = clock;
    this.#slowStart = slowStart;
  }

  rebuild(nodes: readonly N[]): void {
    this.#nodes = nodes;
    this.#slowStart?.rebuild(nodes);
  }

  pick(): N {
    const nodes = this.#nodes;
    const n = nodes.length;
    if (n < 2) return nodes[0] as N;
    // One draw for both: its whole part is the first, its fraction the second among the others.
    const point = this.#rng.next() * n;
    const first = Math.floor(point);
    const second = secondOf(point - first, first, n);
    const a = nodes[first] as N;
    const b = nodes[second] as N;
    const ofA = a.status;
    const ofB = b.status;
    if (ofA !== ofB) return compareStatus(ofA, ofB) > 0 ? a : b;
    return this.#lighter(a, b);
  }

  pickOpen(): N | undefined {
    const nodes = this.#nodes;
    const n = nodes.length;
    if (n < 2) {
      const only = nodes[0] as N;
      return only.status === "open" ? only : undefined;
    }
    const point = this.#rng.next() * n;
    const first = Math.floor(point);
    const second = secondOf(point - first, first, n);
    const a = nodes[first] as N;
    const b = nodes[second] as N;
    if (a.status !== "open") return b.status === "open" ? b : undefined;
    return b.status === "open" ? this.#lighter(a, b) : a;
  }

  pickAny(): N {
    const nodes = this.#nodes;
    const n = nodes.length;
    if (n < 2) return nodes[0] as N;
    const point = this.#rng.next() * n;
    const first = Math.floor(point);
    return this.#lighter(nodes[first] as N, nodes[secondOf(point - first, first, n)] as N);
  }

  #lighter(a: N, b: N): N {
    const nowMs = this.#clock === undefined ? 0 : this.#clock.now();
    const firstWins = a.load(nowMs) <= b.load(nowMs);
    const slowStart = this.#slowStart;
    if (slowStart?.active(nowMs)) return firstWins ? this.#slowly(a, b, nowMs) : this.#slowly(b, a, nowMs);
    return firstWins ? a : b;
  }

  #slowly(winner: N, loser: N, nowMs: number): N {
    const slowStart = this.#slowStart as SlowStart;
    const share = slowStart.share(winner, nowMs) / slowStart.share(loser, nowMs);
    return share >= 1 || this.#rng.next() < share ? winner : loser;
  }
}

/** Among the n - 1 others. */
function secondOf(fraction: number, first: number, n: number): number {
  const second = Math.floor(fraction * (n - 1));
  return second >= first ? second + 1 : second;
}
