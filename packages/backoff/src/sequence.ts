import type { Backoff } from "./backoff.ts";

/** A backoff that ends: `delayMs` is undefined from attempt `length` on. */
export interface FiniteBackoff extends Backoff {
  readonly length: number;
}

/**
 * The first `length` waits of a backoff, or all that it has, and then no further try.
 *
 * Errors: RangeError unless it is a whole number from 0.
 */
export function take(backoff: Backoff | FiniteBackoff, length: number): FiniteBackoff {
  if (!(Number.isSafeInteger(length) && length >= 0)) {
    throw new RangeError(`length must be a whole number from 0, not ${length}`);
  }
  return {
    name: `${backoff.name} x ${length}`,
    length: "length" in backoff ? Math.min(backoff.length, length) : length,
    delayMs: (attempt, previousMs, rng) => (attempt < length ? backoff.delayMs(attempt, previousMs, rng) : undefined),
  };
}

/** All waits of the one, and then those of the other, which begins as if nothing had been. It ends if the other does. */
export function concat(first: FiniteBackoff, then: FiniteBackoff): FiniteBackoff;
export function concat(first: FiniteBackoff, then: Backoff): Backoff;
export function concat(first: FiniteBackoff, then: Backoff | FiniteBackoff): Backoff {
  return {
    name: `${first.name}, ${then.name}`,
    ...("length" in then ? { length: first.length + then.length } : {}),
    delayMs: (attempt, previousMs, rng) => {
      if (attempt < first.length) return first.delayMs(attempt, previousMs, rng);
      const since = attempt - first.length;
      return then.delayMs(since, since === 0 ? 0 : previousMs, rng);
    },
  };
}
