import { type Clock, compareStatus, nextInt, type Rng, type Status } from "@weftmesh/core";
import type { Picker } from "./kind.ts";

/** What power of two choices asks of a node. */
export interface Candidate {
  readonly status: Status;
  load(nowMs: number): number;
}

/**
 * Power of two choices: the better of two different nodes drawn at random.
 *
 * Shape: the better status wins, then the lower load, then the first. So nobody gets more than two of n picks on
 * average, however good it looks, and the strictly worst gets none.
 * Source: Finagle P2C.
 */
export class P2c<N extends Candidate> implements Picker<N> {
  #nodes: readonly N[] = [];
  readonly #rng: Rng;
  readonly #clock: Clock | undefined;

  /** Without a clock, loads are read at 0 ms: for those that do not change with time. */
  constructor(rng: Rng, clock: Clock | undefined) {
    this.#rng = rng;
    this.#clock = clock;
  }

  rebuild(nodes: readonly N[]): void {
    this.#nodes = nodes;
  }

  pick(): N {
    const nodes = this.#nodes;
    const n = nodes.length;
    if (n < 2) return nodes[0] as N;
    // One draw for both: every ordered pair is as likely as any other.
    const pair = nextInt(this.#rng, n * (n - 1));
    const first = Math.floor(pair / (n - 1));
    let second = pair % (n - 1);
    if (second >= first) second++;
    const a = nodes[first] as N;
    const b = nodes[second] as N;
    const order = compareStatus(a.status, b.status);
    if (order !== 0) return order > 0 ? a : b;
    const nowMs = this.#clock === undefined ? 0 : this.#clock.now();
    return a.load(nowMs) <= b.load(nowMs) ? a : b;
  }
}
