/** How late the event loop runs its timers: what every request waits for beside its own work. */
export interface EventLoopDelay {
  /** Mean over the last short while, in ms; 0 for a loop that is never late. */
  readonly meanMs: number;
  /** The worst of the last short while, in ms: whatever blocks the loop shows here. */
  readonly maxMs: number;
}

/** How much of the memory that it may have a process uses. */
export interface MemoryUse {
  /** 0 to 1. */
  readonly ratio: number;
}

/** When a figure is too high. */
export interface Thresholds {
  /** At or below it there is no pressure. */
  readonly low: number;
  /** At or above it there is pressure. In between things stay as they are. */
  readonly high: number;
  /** At or above it nothing more can be borne. */
  readonly full: number;
}

/** How hard a figure presses; a larger number is more. */
export const Pressure: { readonly none: 0; readonly some: 1; readonly high: 2; readonly full: 3 } = {
  none: 0,
  some: 1,
  high: 2,
  full: 3,
};

export function pressureOf(value: number, { low, high, full }: Thresholds): number {
  if (value >= full) return Pressure.full;
  if (value >= high) return Pressure.high;
  return value > low ? Pressure.some : Pressure.none;
}

/** Errors: RangeError unless `low` is 0 or more and below `high`, and `full` not below that. */
export function checkThresholds(name: string, { low, high, full }: Thresholds): void {
  if (low >= 0 && low < high && high <= full) return;
  throw new RangeError(`loadShedding: ${name} must rise from low to high to full, not ${low}, ${high}, ${full}`);
}
