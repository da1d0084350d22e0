/**
 * A deadline as it crosses the wire: when it was set, and when it ends.
 *
 * Units: ns of the calendar's time, beyond what a number holds exactly.
 */
export interface WireDeadline {
  readonly timestampNs: bigint;
  readonly deadlineNs: bigint;
}

/** The most that 8 bytes with a sign hold. As the end of a deadline it means that there is none. */
const maxNs = 0x7fff_ffff_ffff_ffffn;
const nsPerMs = 1_000_000n;
/** The year 2255, whose ns are still below `maxNs`. */
const maxPlainMs = 9e12;
const form = /^(\d{1,19}) (\d{1,19})$/;

/** Reads `"<timestamp> <deadline>"`. What is anything else, below zero or beyond 8 bytes is no deadline, and no error. */
export function readDeadline(text: string): WireDeadline | undefined {
  const found = form.exec(text.trim());
  if (found === null) return undefined;
  const timestampNs = BigInt(found[1] as string);
  const deadlineNs = BigInt(found[2] as string);
  return timestampNs > maxNs || deadlineNs > maxNs ? undefined : { timestampNs, deadlineNs };
}

export function showDeadline(deadline: WireDeadline): string {
  return `${deadline.timestampNs} ${deadline.deadlineNs}`;
}

/** `showDeadline` of `deadlineOfMs`, for what a number holds exactly without a `bigint`. */
export function showDeadlineOfMs(timestampMs: number, deadlineMs: number): string {
  if (!(timestampMs < maxPlainMs && deadlineMs < maxPlainMs))
    return showDeadline(deadlineOfMs(timestampMs, deadlineMs));
  return `${plainNs(timestampMs)} ${plainNs(deadlineMs)}`;
}

function plainNs(ms: number): string {
  return ms < 1 ? "0" : `${Math.floor(ms)}000000`;
}

/** The strictest of both: the latest observation of the earliest end. */
export function combineDeadlines(a: WireDeadline, b: WireDeadline): WireDeadline {
  // biome-ignore-start lint/complexity/useMathMinMax: Math.max and Math.min take no bigint
  return {
    timestampNs: a.timestampNs > b.timestampNs ? a.timestampNs : b.timestampNs,
    deadlineNs: a.deadlineNs < b.deadlineNs ? a.deadlineNs : b.deadlineNs,
  };
  // biome-ignore-end lint/complexity/useMathMinMax: see above
}

/** From the calendar's time in ms; what is less than 1 ms is cut off, so that a deadline grows no later on its way. */
export function deadlineOfMs(timestampMs: number, deadlineMs: number): WireDeadline {
  return { timestampNs: nsOfMs(timestampMs), deadlineNs: nsOfMs(deadlineMs) };
}

function nsOfMs(ms: number): bigint {
  const ns = BigInt(Math.floor(Math.max(ms, 0))) * nsPerMs;
  return ns > maxNs ? maxNs : ns;
}

/** ms left of it at that calendar time; below zero when it has passed, `Infinity` when it never does. */
export function remainingMs(deadline: WireDeadline, epochMs: number): number {
  const { deadlineNs } = deadline;
  if (deadlineNs === maxNs) return Number.POSITIVE_INFINITY;
  // Whole milliseconds first: a number has room for them, but not for the nanoseconds of half a century.
  return Number(deadlineNs / nsPerMs) - epochMs + Number(deadlineNs % nsPerMs) / 1e6;
}

/** The 16 bytes of Finagle's broadcast context: both times as 8 bytes, the highest first. */
export function encodeDeadline(deadline: WireDeadline): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, deadline.timestampNs);
  view.setBigInt64(8, deadline.deadlineNs);
  return bytes;
}

/** Reads what `encodeDeadline` writes. Another length, or a time below zero, is no deadline, and no error. */
export function decodeDeadline(bytes: Uint8Array): WireDeadline | undefined {
  if (bytes.length !== 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const timestampNs = view.getBigInt64(0);
  const deadlineNs = view.getBigInt64(8);
  return timestampNs < 0n || deadlineNs < 0n ? undefined : { timestampNs, deadlineNs };
}
