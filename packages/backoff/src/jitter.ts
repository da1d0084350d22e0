import type { Backoff } from "./backoff.ts";
import { checkRange } from "./check-ms.ts";

/** Twice as much for each attempt, and not beyond the cap: what the jitters draw below. */
function doubled(startMs: number, times: number, maxMs: number): number {
  return startMs === 0 ? 0 : Math.min(startMs * 2 ** times, maxMs);
}

/**
 * What Linkerd calls `jittered`: `minMs` first, then between the wait before and three times that, up to `maxMs`.
 *
 * Shape: never shorter than the wait before.
 * Errors: RangeError for what is no time, or a wrong order.
 * Source: Finagle's decorrelatedJittered, which is not the formula of that name that others use.
 */
export function jittered(minMs: number, maxMs: number): Backoff {
  checkRange("minMs", minMs, "maxMs", maxMs);
  return {
    name: `jittered(${minMs}, ${maxMs})`,
    delayMs: (attempt, previousMs, rng) =>
      attempt === 0 ? minMs : previousMs + rng.next() * (Math.min(3 * previousMs, maxMs) - previousMs),
  };
}

/**
 * Anything below `baseMs`, twice that, four times that, up to `maxMs`: the widest spread for the shortest wait.
 *
 * Errors: RangeError for what is no time, or a wrong order.
 */
export function fullJitter(baseMs: number, maxMs: number): Backoff {
  checkRange("baseMs", baseMs, "maxMs", maxMs);
  return {
    name: `fullJitter(${baseMs}, ${maxMs})`,
    delayMs: (attempt, _previousMs, rng) => rng.next() * doubled(baseMs, attempt, maxMs),
  };
}

/**
 * `startMs` first; then between `startMs` and twice that, between twice and four times that, up to `maxMs`.
 *
 * Errors: RangeError for what is no time, or a wrong order.
 * Source: Finagle's equalJittered.
 */
export function equalJitter(startMs: number, maxMs: number): Backoff {
  checkRange("startMs", startMs, "maxMs", maxMs);
  return {
    name: `equalJitter(${startMs}, ${maxMs})`,
    delayMs: (attempt, _previousMs, rng) => {
      if (attempt === 0) return startMs;
      const halfMs = doubled(startMs, attempt - 1, maxMs);
      return Math.min(halfMs + rng.next() * halfMs, maxMs);
    },
  };
}

/**
 * `baseMs` first; then between `baseMs` and three times the wait before, up to `maxMs`: it may become shorter again.
 *
 * Errors: RangeError for what is no time, or a wrong order.
 */
export function decorrelatedJitter(baseMs: number, maxMs: number): Backoff {
  checkRange("baseMs", baseMs, "maxMs", maxMs);
  return {
    name: `decorrelatedJitter(${baseMs}, ${maxMs})`,
    delayMs: (attempt, previousMs, rng) =>
      attempt === 0 ? baseMs : Math.min(baseMs + rng.next() * Math.max(3 * previousMs - baseMs, 0), maxMs),
  };
}
