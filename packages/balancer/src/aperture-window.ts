import type { Rng } from "@weftmesh/core";

/** Draws for a second node that is not the first, where weights rule out a single draw. */
export const maxDraws = 5;

/** The part of a set of nodes that a client uses, as slots: places in that set. */
export interface ApertureWindow {
  /** The last two drawn; one and the same slot when no other came up. */
  readonly first: number;
  readonly second: number;
  /** By slot, what loads are compared by: the greatest is 1, and 0 is out. */
  readonly weights: Float64Array;
  /** Nodes that may be drawn. */
  readonly size: number;
  has(slot: number): boolean;
  /** Draws two of the window by weight; of all nodes, used or not, where `ofAll`. */
  draw(rng: Rng, ofAll: boolean): void;
  /** A node that was drawn is not open. */
  foundDown(slot: number): void;
  /** Whether another window would be a better one by now; asked with each try. */
  outdated(): boolean;
}
