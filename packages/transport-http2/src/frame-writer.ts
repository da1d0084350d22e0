import type { HeaderEncoder } from "@weftmesh/hpack";
import type { FrameWire } from "@weftmesh/wire";
import { defaultFrameBytes, Flag, FrameType, frameHeaderBytes } from "./frame-types.ts";

/** Where a frame's flags stand while it has not left: the place in the wire's output, and which output that was. */
export interface FramePlace {
  at: number;
  base: number;
}

/**
 * Writes frames into a wire, where they wait for the end of the turn.
 *
 * Shape: one per connection. No frame has a larger payload than 16,384 bytes, which every peer takes: a larger one
 * would keep other streams waiting.
 */
export class FrameWriter {
  readonly wire: FrameWire;

  constructor(wire: FrameWire) {
    this.wire = wire;
  }

  settings(pairs: readonly (readonly [id: number, value: number])[]): void {
    let at = this.frame(FrameType.Settings, 0, 0, 6 * pairs.length);
    const { output } = this.wire;
    for (const [id, value] of pairs) {
      output.writeUInt16BE(id, at);
      output.writeUInt32BE(value, at + 2);
      at += 6;
    }
  }

  settingsAck(): void {
    this.frame(FrameType.Settings, Flag.Ack, 0, 0);
  }

  /** `bytes` has the eight of the PING from `start` on. */
  ping(ack: boolean, bytes: Buffer, start: number): void {
    const at = this.frame(FrameType.Ping, ack ? Flag.Ack : 0, 0, 8);
    bytes.copy(this.wire.output, at, start, start + 8);
  }

  goaway(lastId: number, code: number, why: string): void {
    const debug = Buffer.from(why, "latin1").subarray(0, 256);
    const at = this.frame(FrameType.Goaway, 0, 0, 8 + debug.length);
    const { output } = this.wire;
    writeUint32(output, at, lastId);
    writeUint32(output, at + 4, code);
    debug.copy(output, at + 8);
  }

  reset(id: number, code: number): void {
    const at = this.frame(FrameType.RstStream, 0, id, 4);
    writeUint32(this.wire.output, at, code);
  }

  windowUpdate(id: number, increment: number): void {
    const at = this.frame(FrameType.WindowUpdate, 0, id, 4);
    writeUint32(this.wire.output, at, increment);
  }

  /** The encoder's present block as HEADERS, and CONTINUATIONs where it is long. `place` learns where the first one is. */
  headers(id: number, endStream: boolean, block: HeaderEncoder, place: FramePlace): void {
    const { bytes, length } = block;
    const first = Math.min(length, defaultFrameBytes);
    const end = endStream ? Flag.EndStream : 0;
    const flags = first === length ? end | Flag.EndHeaders : end;
    if (first + frameHeaderBytes <= defaultFrameBytes) {
      const at = this.frame(FrameType.Headers, flags, id, first);
      this.wire.output.set(viewOf(bytes, first), at);
      this.mark(place, at - frameHeaderBytes);
      return;
    }
    this.long(FrameType.Headers, flags, id, bytes, 0, first);
    for (let p = first; p < length; ) {
      const next = Math.min(length, p + defaultFrameBytes);
      this.long(FrameType.Continuation, next === length ? Flag.EndHeaders : 0, id, bytes, p, next);
      p = next;
    }
    place.at = -1;
  }

  /** Up to 16,384 bytes of content. */
  data(id: number, endStream: boolean, bytes: Uint8Array, start: number, end: number, place: FramePlace): void {
    const length = end - start;
    const { wire } = this;
    if (length + frameHeaderBytes <= defaultFrameBytes) {
      const at = this.frame(FrameType.Data, endStream ? Flag.EndStream : 0, id, length);
      const { output } = wire;
      if (length > fewBytes) copy.call(bytes, output, at, start, end);
      else for (let i = start, j = at; i < end; i++, j++) output[j] = bytes[i] as number;
      this.mark(place, at - frameHeaderBytes);
      return;
    }
    const at = this.frame(FrameType.Data, endStream ? Flag.EndStream : 0, id, length, 0);
    this.mark(place, at - frameHeaderBytes);
    wire.gather(bytes, start, end);
  }

  /** Has the frame at that place end its stream after all. False when it has left already. */
  endStreamAt(place: FramePlace): boolean {
    const { wire } = this;
    const { at } = place;
    if (at < 0 || at >= wire.gathered || place.base !== wire.sent - wire.gathered) return false;
    wire.output[at + 4] = (wire.output[at + 4] as number) | Flag.EndStream;
    return true;
  }

  private mark(place: FramePlace, at: number): void {
    const { wire } = this;
    place.at = at;
    place.base = wire.sent - wire.gathered;
  }

  private long(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    this.frame(type, flags, id, end - start, 0);
    this.wire.gather(bytes, start, end);
  }

  /** Writes the header of a frame with room for `room` bytes behind it, and gives their position in the output. */
  private frame(type: number, flags: number, id: number, length: number, room: number = length): number {
    const at = this.wire.reserve(frameHeaderBytes + room);
    const { output } = this.wire;
    output[at] = length >>> 16;
    output[at + 1] = length >>> 8;
    output[at + 2] = length;
    output[at + 3] = type;
    output[at + 4] = flags;
    writeUint32(output, at + 5, id);
    return at + frameHeaderBytes;
  }
}

/** Up to here a loop copies quicker than a call of the runtime does. */
const fewBytes = 32;
const { copy } = Buffer.prototype as {
  copy(this: Uint8Array, to: Uint8Array, at: number, start: number, end: number): number;
};

/** What encoders write their blocks into, which is one buffer as a rule, and its first bytes by their number. */
let viewed: Buffer | undefined;
let views: (Uint8Array | undefined)[] = [];
const maxViewed = 2_048;

/** The first `length` bytes. Cost: the copy of a part makes a view each time, and blocks have few lengths. */
function viewOf(bytes: Buffer, length: number): Uint8Array {
  if (length > maxViewed) return bytes.subarray(0, length);
  if (viewed !== bytes) {
    viewed = bytes;
    views = [];
  }
  const known = views[length];
  if (known !== undefined) return known;
  const view = bytes.subarray(0, length);
  views[length] = view;
  return view;
}

function writeUint32(output: Buffer, at: number, value: number): void {
  output[at] = value >>> 24;
  output[at + 1] = value >>> 16;
  output[at + 2] = value >>> 8;
  output[at + 3] = value;
}
