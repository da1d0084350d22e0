import type { Backoff } from "./backoff.ts";
import { checkMs, checkRange } from "./check-ms.ts";

/** The same wait each time. Errors: RangeError for what is no time. */
export function constant(ms: number): Backoff {
  checkMs("ms", ms);
  return { name: `constant(${ms})`, delayMs: () => ms };
}

/** `startMs`, and `stepMs` more each time, up to `maxMs`. Errors: RangeError for what is no time, or a wrong order. */
export function linear(startMs: number, stepMs: number, maxMs: number): Backoff {
  checkRange("startMs", startMs, "maxMs", maxMs);
  checkMs("stepMs", stepMs);
  return {
    name: `linear(${startMs}, ${stepMs}, ${maxMs})`,
    delayMs: (attempt) => Math.min(startMs + stepMs * attempt, maxMs),
  };
}

/**
 * `startMs`, and `factor` times as much each time, up to `maxMs`: without chance, so that all who wait come back at once.
 *
 * Errors: RangeError for what is no time, a wrong order, or a factor below 1.
 */
export function exponential(startMs: number, factor: number, maxMs: number): Backoff {
  checkRange("startMs", startMs, "maxMs", maxMs);
  if (!(factor >= 1 && factor < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`factor must be a number from 1, not ${factor}`);
  }
  return {
    name: `exponential(${startMs}, ${factor}, ${maxMs})`,
    // Not with a start of 0, which times a power that has become infinite is no number.
    delayMs: (attempt) => (startMs === 0 ? 0 : Math.min(startMs * factor ** attempt, maxMs)),
  };
}
