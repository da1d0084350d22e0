import { type Param, param } from "@weftmesh/core";

/** Counts events; never falls. Cost: under 10 ns. */
export interface Counter {
  inc(delta?: number): void;
}

/** Collects a distribution of numbers >= 0. Cost: about 10 ns. */
export interface Stat {
  add(value: number): void;
}

/**
 * Makes metrics below one scope of the metrics tree. Ask for them when a stack is built, never per request; the same
 * name gives the same metric.
 */
export interface StatsReceiver {
  counter(...name: readonly string[]): Counter;
  stat(...name: readonly string[]): Stat;
  /** A value that is read when somebody looks; several of one name add up. The result takes the gauge away. */
  gauge(read: () => number, ...name: readonly string[]): () => void;
  scope(...name: readonly string[]): StatsReceiver;
  /**
   * Takes everything below this scope out of the tree: for what was reaped. Metrics that are still held count on, into
   * nothing, and so does what is asked of this scope later: ask its parent for a fresh one.
   */
  prune(): void;
}

const nothing: Counter & Stat = { inc: () => {}, add: () => {} };

/** Counts nothing. */
export const nullStats: StatsReceiver = {
  counter: () => nothing,
  stat: () => nothing,
  gauge: () => () => {},
  scope: () => nullStats,
  prune: () => {},
};

/** The scope of the stack that is being built. */
export const StatsParam: Param<StatsReceiver> = param<StatsReceiver>("stats", nullStats, () => "stats");
