import type { Rng } from "@weftmesh/core";

/** Bit of `flags` that says somebody decided about sampling. */
const samplingKnown = 2;
const sampledBit = 4;
const two32 = 0x1_0000_0000;
/** Ids are read and written here; nothing keeps it beyond one call. */
const bytes = Buffer.alloc(40);

/**
 * The place of a call in a trace. An id is 64 bits, held as two halves of 32.
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
    span: readonly [number, number],
    parent: readonly [number, number],
    trace: readonly [number, number],
    flags: readonly [number, number],
    wide: readonly [number, number] | undefined,
  ) {
    [this.spanHi, this.spanLo] = span;
    [this.parentHi, this.parentLo] = parent;
    [this.traceHi, this.traceLo] = trace;
    [this.flagsHi, this.flagsLo] = flags;
    this.wide = wide;
  }

  get sampled(): boolean | undefined {
    if ((this.flagsLo & samplingKnown) === 0) return undefined;
    return (this.flagsLo & sampledBit) !== 0;
  }

  withSampled(sampled: boolean): TraceId {
    const flags = (this.flagsLo & ~sampledBit) | samplingKnown | (sampled ? sampledBit : 0);
    return new TraceId(
      [this.spanHi, this.spanLo],
      [this.parentHi, this.parentLo],
      [this.traceHi, this.traceLo],
      [this.flagsHi, flags],
      this.wide,
    );
  }
}

/** The first span of a new trace. */
export function newTrace(rng: Rng): TraceId {
  const id = randomId(rng);
  return new TraceId(id, id, id, [0, 0], undefined);
}

function randomId(rng: Rng): [number, number] {
  return [Math.floor(rng.next() * two32), Math.floor(rng.next() * two32)];
}

/** Reads `l5d-ctx-trace`: base64 of 32 or 40 bytes. What is anything else is no trace, and no error. */
export function readTraceId(text: string): TraceId | undefined {
  if (text.length > 56 || text.length < 43) return undefined;
  const read = bytes.write(text, 0, 40, "base64");
  if (read !== 32 && read !== 40) return undefined;
  return new TraceId(idAt(0), idAt(8), idAt(16), idAt(24), read === 40 ? idAt(32) : undefined);
}

function idAt(at: number): [number, number] {
  return [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)];
}

/**
 * Writes the header of a call made within `parent`, under a span of its own.
 *
 * Cost: one base64 encoding of 32 bytes and no object.
 */
export function childTraceText(parent: TraceId, rng: Rng): string {
  bytes.writeUInt32BE(Math.floor(rng.next() * two32), 0);
  bytes.writeUInt32BE(Math.floor(rng.next() * two32), 4);
  bytes.writeUInt32BE(parent.spanHi, 8);
  bytes.writeUInt32BE(parent.spanLo, 12);
  bytes.writeUInt32BE(parent.traceHi, 16);
  bytes.writeUInt32BE(parent.traceLo, 20);
  bytes.writeUInt32BE(parent.flagsHi, 24);
  bytes.writeUInt32BE(parent.flagsLo >>> 0, 28);
  if (parent.wide === undefined) return bytes.toString("base64", 0, 32);
  bytes.writeUInt32BE(parent.wide[0], 32);
  bytes.writeUInt32BE(parent.wide[1], 36);
  return bytes.toString("base64", 0, 40);
}

/** The trace's id in hexadecimal, as `l5d-reqid` shows it. */
export function traceHex(trace: TraceId): string {
  bytes.writeUInt32BE(trace.traceHi, 0);
  bytes.writeUInt32BE(trace.traceLo, 4);
  return bytes.toString("hex", 0, 8);
}
