export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Each as a literal without indexing and without Huffman, whatever it is. */
export function block(...fields: (readonly [name: string, value: string])[]): Buffer {
  const parts = fields.flatMap(([name, value]) => [
    Buffer.from([0, name.length]),
    Buffer.from(name, "latin1"),
    Buffer.from([value.length]),
    Buffer.from(value, "latin1"),
  ]);
  return Buffer.concat(parts);
}

export const settings: Buffer = frame(4, 0, 0);
export const endStream = 1;
export const endHeaders = 4;

export function headers(stream: number, ends: boolean, ...fields: (readonly [string, string])[]): Buffer {
  return frame(1, endHeaders | (ends ? endStream : 0), stream, block(...fields));
}

export const get = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "web"],
  [":path", "/"],
] as const;

/** What came, frame by frame. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let p = 0; p + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(p, 3);
    if (p + 9 + length > bytes.length) break;
    const payload = bytes.subarray(p + 9, p + 9 + length);
    frames.push({
      type: bytes[p + 3] as number,
      flags: bytes[p + 4] as number,
      stream: bytes.readUInt32BE(p + 5),
      payload,
    });
    p += 9 + length;
  }
  return frames;
}
