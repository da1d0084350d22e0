/**
 * A deadline as it crosses the wire: when it was set, and when it ends.
 *
 * Units: ns of the calendar's time, beyond what a number holds exactly, so they stay text and BigInt until compared.
 */
export interface WireDeadline {
  readonly timestampNs: bigint;
  readonly deadlineNs: bigint;
}

const form = /^(\d{1,20}) (\d{1,20})$/;

/** Reads `"<timestamp> <deadline>"`. What is anything else is no deadline, and no error. */
export function readDeadline(text: string): WireDeadline | undefined {
  const found = form.exec(text.trim());
  if (found === null) return undefined;
  return { timestampNs: BigInt(found[1] as string), deadlineNs: BigInt(found[2] as string) };
}

/** The strictest of both. */
export function combineDeadlines(a: WireDeadline, b: WireDeadline): WireDeadline {
  // biome-ignore-start lint/complexity/useMathMinMax: Math.max and Math.min take no bigint
  return {
    timestampNs: a.timestampNs > b.timestampNs ? a.timestampNs : b.timestampNs,
    deadlineNs: a.deadlineNs < b.deadlineNs ? a.deadlineNs : b.deadlineNs,
  };
  // biome-ignore-end lint/complexity/useMathMinMax: see above
}

export function showDeadline(deadline: WireDeadline): string {
  return `${deadline.timestampNs} ${deadline.deadlineNs}`;
}

const nsPerMs = 1_000_000n;

/** From whole milliseconds of the calendar's time. */
export function deadlineOfMs(timestampMs: number, deadlineMs: number): WireDeadline {
  return {
    timestampNs: BigInt(Math.floor(timestampMs)) * nsPerMs,
    deadlineNs: BigInt(Math.floor(deadlineMs)) * nsPerMs,
  };
}

/** ms left of it at that calendar time; below zero when it has passed. */
export function remainingMs(deadline: WireDeadline, epochMs: number): number {
  return Number(deadline.deadlineNs / nsPerMs) - epochMs;
}
