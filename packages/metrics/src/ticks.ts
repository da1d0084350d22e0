import type { Clock } from "@weftmesh/core";

/** Ticks per ms. */
const tickBits = 4;

/**
 * The time as a small integer, which lies in an object's field without a box of its own. It wraps around.
 *
 * Units: 1/16 ms.
 */
export function ticksNow(clock: Clock): number {
  return (clock.now() * (1 << tickBits)) | 0;
}

/** Whole ms since; right for spans below 74 hours. */
export function elapsedMs(clock: Clock, sinceTicks: number): number {
  // The shift takes the difference for an unsigned one, so it is right across the wrap.
  return (ticksNow(clock) - sinceTicks) >>> tickBits;
}
