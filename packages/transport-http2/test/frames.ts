import { HeaderDecoder, HeaderEncoder } from "@weftmesh/hpack";
import { codeName, Flag, FrameType, preface } from "../src/frame-types.ts";

/** A frame as a test reads it. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, id: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(9 + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(id, 5);
  bytes.set(payload, 9);
  return bytes;
}

export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}

export type SettingPairs = readonly (readonly [id: number, value: number])[];

export function settings(...pairs: SettingPairs): Buffer {
  const payload = Buffer.alloc(6 * pairs.length);
  for (const [i, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, 6 * i);
    payload.writeUInt32BE(value, 6 * i + 2);
  }
  return frame(FrameType.Settings, 0, 0, payload);
}

export const settingsAck: Buffer = frame(FrameType.Settings, Flag.Ack, 0);

export function windowUpdate(id: number, increment: number): Buffer {
  return frame(FrameType.WindowUpdate, 0, id, uint32(increment));
}

export function reset(id: number, code: number): Buffer {
  return frame(FrameType.RstStream, 0, id, uint32(code));
}

export function ping(ack = false, text = "12345678"): Buffer {
  return frame(FrameType.Ping, ack ? Flag.Ack : 0, 0, Buffer.from(text, "latin1"));
}

export function goaway(lastId: number, code: number): Buffer {
  return frame(FrameType.Goaway, 0, 0, uint32(lastId, code));
}

export function data(id: number, content: Uint8Array | string, endStream = false, pad?: number): Buffer {
  const bytes = Buffer.from(content);
  const flags = endStream ? Flag.EndStream : 0;
  if (pad === undefined) return frame(FrameType.Data, flags, id, bytes);
  return frame(FrameType.Data, flags | Flag.Padded, id, Buffer.concat([Buffer.from([pad]), bytes, Buffer.alloc(pad)]));
}

/** One side of a connection as a test speaks it: its own encoder and decoder, and what it has heard. */
export class Peer {
  readonly encoder = new HeaderEncoder();
  readonly decoder = new HeaderDecoder();
  readonly frames: Frame[] = [];
  onFrame: (frame: Frame) => void = () => {};
  private rest: Buffer = Buffer.alloc(0);

  /** Splits what the other side wrote into frames. `isServer` skips the preface. */
  hear(bytes: Buffer, isServer = false): void {
    this.rest = Buffer.concat([this.rest, bytes]);
    if (isServer && this.frames.length === 0 && this.rest.subarray(0, 24).equals(preface)) {
      this.rest = this.rest.subarray(24);
    }
    for (;;) {
      const { rest } = this;
      if (rest.length < 9) return;
      const length = rest.readUIntBE(0, 3);
      if (rest.length < 9 + length) return;
      const heard: Frame = {
        type: rest[3] as number,
        flags: rest[4] as number,
        id: rest.readUInt32BE(5),
        payload: rest.subarray(9, 9 + length),
      };
      this.rest = rest.subarray(9 + length);
      this.frames.push(heard);
      this.onFrame(heard);
    }
  }

  block(fields: readonly (readonly [string, string])[]): Buffer {
    this.encoder.begin();
    for (const [name, value] of fields) this.encoder.pair(name, value);
    return Buffer.from(this.encoder.bytes.subarray(0, this.encoder.length));
  }

  headers(id: number, fields: readonly (readonly [string, string])[], endStream = true): Buffer {
    const flags = Flag.EndHeaders | (endStream ? Flag.EndStream : 0);
    return frame(FrameType.Headers, flags, id, this.block(fields));
  }

  request(id: number, method = "GET", path = "/", endStream = true, more: readonly (readonly [string, string])[] = []) {
    return this.headers(id, [...requestFields(method, path), ...more], endStream);
  }

  decode(heard: Frame): (readonly [string, string])[] {
    const fields: (readonly [string, string])[] = [];
    const sink = { onField: (field: { name: string; value: string }) => void fields.push([field.name, field.value]) };
    this.decoder.decode(heard.payload, 0, heard.payload.length, sink);
    return fields;
  }

  of(type: number, id?: number): Frame[] {
    return this.frames.filter((each) => each.type === type && (id === undefined || each.id === id));
  }

  /** The code of the GOAWAY that ended the connection. */
  get wentAway(): string | undefined {
    const last = this.of(FrameType.Goaway).at(-1);
    return last === undefined ? undefined : codeName(last.payload.readUInt32BE(4));
  }

  /** The code with which the stream was reset. */
  resetOf(id: number): string | undefined {
    const [first] = this.of(FrameType.RstStream, id);
    return first === undefined ? undefined : codeName(first.payload.readUInt32BE(0));
  }

  content(id: number): Buffer {
    return Buffer.concat(this.of(FrameType.Data, id).map((each) => each.payload));
  }

  ended(id: number): boolean {
    return this.frames.some((each) => each.id === id && each.type <= FrameType.Headers && (each.flags & 1) !== 0);
  }
}

export function requestFields(method: string, path: string): (readonly [string, string])[] {
  return [
    [":method", method],
    [":scheme", "http"],
    [":authority", "test.example"],
    [":path", path],
  ];
}
