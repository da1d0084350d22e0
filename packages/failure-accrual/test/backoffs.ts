import type { Backoff } from "@weftmesh/backoff";

/** These waits and no more. */
export function listed(...waitsMs: readonly number[]): Backoff {
  return { name: "listed", delayMs: (attempt) => waitsMs[attempt] };
}

/** Each wait is made of all that a waiter tells its backoff. */
export const growing: Backoff = {
  name: "growing",
  delayMs: (attempt, previousMs, rng) => 100 + previousMs + attempt * 10 + Math.floor(rng.next() * 10),
};
