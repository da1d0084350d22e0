import type { Backoff } from "@weftmesh/backoff";
import { aboveZero, upTo } from "./check-number.ts";

export interface PenaltyBackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** How much of a wait may come on top of it at random: 0.5 is up to half as much again. From 0 to 100. */
  readonly jitterRatio: number;
}

/**
 * Doubles from `minMs` to `maxMs`, and adds up to `jitterRatio` of that at random, so a wait may be longer than `maxMs`.
 *
 * Units: ms.
 * Errors: RangeError unless `minMs` is above 0, `maxMs` at least `minMs` and the ratio from 0 to 100.
 * Source: ExponentialBackoff of linkerd2-proxy.
 */
export function penaltyBackoff({ minMs, maxMs, jitterRatio }: PenaltyBackoffOptions): Backoff {
  aboveZero("minMs", minMs);
  aboveZero("maxMs", maxMs);
  if (maxMs < minMs) throw new RangeError(`maxMs must be at least minMs: ${maxMs} is below ${minMs}`);
  upTo("jitterRatio", jitterRatio, 100);
  return {
    name: `penalty(${minMs}, ${maxMs}, ${jitterRatio})`,
    delayMs: (attempt, _previousMs, rng) => {
      const baseMs = Math.min(minMs * 2 ** attempt, maxMs);
      return baseMs + baseMs * jitterRatio * rng.next();
    },
  };
}
