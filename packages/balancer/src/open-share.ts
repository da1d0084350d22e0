import type { Clock, Status } from "@weftmesh/core";

/** A status is asked for, never told, so who wants to know how many are open has to count now and then. */
const refreshMs = 100;

/**
 * How many of a set of nodes are open, counted at most every 100 ms.
 *
 * Shape: one per set; made anew when the set changes, and then it counts at once.
 * Cost: a reading of the clock; each count looks at every node.
 */
export class OpenShare {
  readonly #nodes: readonly { readonly status: Status }[];
  readonly #clock: Clock;
  #dueMs = Number.NEGATIVE_INFINITY;
  #open = 0;

  constructor(nodes: readonly { readonly status: Status }[], clock: Clock) {
    this.#nodes = nodes;
    this.#clock = clock;
  }

  get total(): number {
    return this.#nodes.length;
  }

  /** Open nodes, by the last count. */
  get open(): number {
    const nowMs = this.#clock.now();
    if (nowMs >= this.#dueMs) {
      this.#dueMs = nowMs + refreshMs;
      let open = 0;
      for (const node of this.#nodes) if (node.status === "open") open++;
      this.#open = open;
    }
    return this.#open;
  }
}
