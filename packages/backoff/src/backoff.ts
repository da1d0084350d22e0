import type { Rng } from "@weftmesh/core";

/**
 * How long to wait before each further try.
 *
 * Shape: a pure value, shared by all who wait: whoever waits keeps the number of the wait and what the one before it
 * was. Every answer is finite, whole or not, and at least 0; undefined once there is to be no further try.
 * Units: ms.
 * Cost: allocates nothing.
 */
export interface Backoff {
  readonly name: string;
  /** `attempt` is 0 for the first wait; `previousMs` is what this backoff said the last time, 0 for the first. */
  delayMs(attempt: number, previousMs: number, rng: Rng): number | undefined;
}
