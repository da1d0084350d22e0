import type { Rng } from "@weftmesh/core";

/** Bit of `flags` that says somebody decided about sampling. */
const samplingKnown = 2;
const sampledBit = 4;
const two32 = 0x1_0000_0000;
/** Ids are read here; nothing keeps it beyond one call. */
const bytes = Buffer.alloc(40);

/**
 * The place of a call in a trace. An id is 64 bits, held as two halves of 32 with a sign: such a number lies in its
 * field, without a box of its own.
 *
 * Source: Finagle's trace id, whose flag bits are 1 debug, 2 sampling known, 4 sampled.
 */
export class TraceId {
  readonly spanHi: number;
  readonly spanLo: number;
  readonly parentHi: number;
  readonly parentLo: number;
  readonly traceHi: number;
  readonly traceLo: number;
  readonly flagsHi: number;
  readonly flagsLo: number;
  /** The upper half of a trace id of 128 bits, as it came in. */
  readonly wide: readonly [number, number] | undefined;

  constructor(
    spanHi: number,
    spanLo: number,
    parentHi: number,
    parentLo: number,
    traceHi: number,
    traceLo: number,
    flagsHi: number,
    flagsLo: number,
    wide: readonly [number, number] | undefined,
  ) {
    this.spanHi = spanHi;
    this.spanLo = spanLo;
    this.parentHi = parentHi;
    this.parentLo = parentLo;
    this.traceHi = traceHi;
    this.traceLo = traceLo;
    this.flagsHi = flagsHi;
    this.flagsLo = flagsLo;
    this.wide = wide;
  }

  get sampled(): boolean | undefined {
    if ((this.flagsLo & samplingKnown) === 0) return undefined;
    return (this.flagsLo & sampledBit) !== 0;
  }

  withSampled(sampled: boolean): TraceId {
    const flagsLo = (this.flagsLo & ~sampledBit) | samplingKnown | (sampled ? sampledBit : 0);
    const { spanHi, spanLo, parentHi, parentLo, traceHi, traceLo, flagsHi, wide } = this;
    return new TraceId(spanHi, spanLo, parentHi, parentLo, traceHi, traceLo, flagsHi, flagsLo, wide);
  }
}

/** The first span of a new trace. */
export function newTrace(rng: Rng): TraceId {
  const hi = randomHalf(rng);
  const lo = randomHalf(rng);
  return new TraceId(hi, lo, hi, lo, hi, lo, 0, 0, undefined);
}

function randomHalf(rng: Rng): number {
  return (rng.next() * two32) | 0;
}

/** Reads `l5d-ctx-trace`: base64 of 32 or 40 bytes. What is anything else is no trace, and no error. */
export function readTraceId(text: string): TraceId | undefined {
  if (text.length > 56 || text.length < 43) return undefined;
  const read = bytes.write(text, 0, 40, "base64");
  if (read !== 32 && read !== 40) return undefined;
  const wide: [number, number] | undefined = read === 40 ? [half(32), half(36)] : undefined;
  return new TraceId(half(0), half(4), half(8), half(12), half(16), half(20), half(24), half(28), wide);
}

function half(at: number): number {
  return bytes.readInt32BE(at);
}

const base64Codes = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "latin1");
const hexCodes = Buffer.from("0123456789abcdef", "latin1");

/** Three bytes as four characters of base64. Texts so short cost less to make from codes than to ask Node for. */
function base64Of(group: number): string {
  return String.fromCharCode(
    base64Codes[(group >>> 18) & 63] as number,
    base64Codes[(group >>> 12) & 63] as number,
    base64Codes[(group >>> 6) & 63] as number,
    base64Codes[group & 63] as number,
  );
}

/** Twelve bytes, in three halves of an id, as sixteen characters of base64. */
function base64OfThree(a: number, b: number, c: number): string {
  return String.fromCharCode(
    base64Codes[a >>> 26] as number,
    base64Codes[(a >>> 20) & 63] as number,
    base64Codes[(a >>> 14) & 63] as number,
    base64Codes[(a >>> 8) & 63] as number,
    base64Codes[(a >>> 2) & 63] as number,
    base64Codes[((a & 3) << 4) | (b >>> 28)] as number,
    base64Codes[(b >>> 22) & 63] as number,
    base64Codes[(b >>> 16) & 63] as number,
    base64Codes[(b >>> 10) & 63] as number,
    base64Codes[(b >>> 4) & 63] as number,
    base64Codes[((b & 15) << 2) | (c >>> 30)] as number,
    base64Codes[(c >>> 24) & 63] as number,
    base64Codes[(c >>> 18) & 63] as number,
    base64Codes[(c >>> 12) & 63] as number,
    base64Codes[(c >>> 6) & 63] as number,
    base64Codes[c & 63] as number,
  );
}

/** `base64OfThree(0, 0)` and half a group more: the end of a trace without flags, which nearly every one is. */
const noFlags = "AAAAAAAAAAA=";

/**
 * Writes the header of a call made within `parent`, under a span of its own.
 *
 * Cost: two texts of sixteen characters, joined, and no object.
 */
export function childTraceText(parent: TraceId, rng: Rng): string {
  const { flagsHi, flagsLo, wide } = parent;
  const ids =
    base64OfThree(randomHalf(rng), randomHalf(rng), parent.spanHi) +
    base64OfThree(parent.spanLo, parent.traceHi, parent.traceLo);
  if (wide !== undefined) return ids + base64OfThree(flagsHi, flagsLo, wide[0]) + lastWide(wide[1]);
  if (flagsHi === 0 && flagsLo === 0) return ids + noFlags;
  return ids + lastFlags(flagsHi, flagsLo);
}

/** Eight bytes, and the sign that one is missing. */
function lastFlags(hi: number, lo: number): string {
  const middle = base64Of(((hi & 255) << 16) | (lo >>> 16));
  return `${base64Of(hi >>> 8)}${middle}${base64Of((lo & 0xffff) << 8).slice(0, 3)}=`;
}

/** Four bytes, and the signs that two are missing. */
function lastWide(half: number): string {
  return `${base64Of(half >>> 8)}${base64Of((half & 255) << 16).slice(0, 2)}==`;
}

/** The trace's id in hexadecimal, as `l5d-reqid` shows it. */
export function traceHex(trace: TraceId): string {
  const { traceHi: hi, traceLo: lo } = trace;
  return String.fromCharCode(
    hexCodes[hi >>> 28] as number,
    hexCodes[(hi >>> 24) & 15] as number,
    hexCodes[(hi >>> 20) & 15] as number,
    hexCodes[(hi >>> 16) & 15] as number,
    hexCodes[(hi >>> 12) & 15] as number,
    hexCodes[(hi >>> 8) & 15] as number,
    hexCodes[(hi >>> 4) & 15] as number,
    hexCodes[hi & 15] as number,
    hexCodes[lo >>> 28] as number,
    hexCodes[(lo >>> 24) & 15] as number,
    hexCodes[(lo >>> 20) & 15] as number,
    hexCodes[(lo >>> 16) & 15] as number,
    hexCodes[(lo >>> 12) & 15] as number,
    hexCodes[(lo >>> 8) & 15] as number,
    hexCodes[(lo >>> 4) & 15] as number,
    hexCodes[lo & 15] as number,
  );
}
