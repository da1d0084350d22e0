import { connect, type Socket } from "node:net";
import type { Target } from "./raw-http.ts";

/** A frame of HTTP/2. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const FrameType = { data: 0, headers: 1, reset: 3, settings: 4, goaway: 7 } as const;
export const Flag = { endStream: 1, ack: 1, endHeaders: 4 } as const;

/** A header block of literals that nobody puts into a table: names and values below 127 bytes. */
export function literals(...flat: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const name = Buffer.from(flat[i] as string, "latin1");
    const value = Buffer.from(flat[i + 1] as string, "latin1");
    parts.push(Buffer.from([0, name.length]), name, Buffer.from([value.length]), value);
  }
  return Buffer.concat(parts);
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A client that writes its frames by hand, and collects those that come. */
export class RawH2 {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  #rest: Buffer = Buffer.alloc(0);

  constructor({ ip, port }: Target) {
    this.socket = connect(port, ip);
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.socket.write(Buffer.concat([preface, frame(FrameType.settings, 0, 0)]));
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The code with which a stream was reset. */
  resetOf(stream: number): number | undefined {
    return this.frames.find((each) => each.type === FrameType.reset && each.stream === stream)?.payload.readUInt32BE(0);
  }

  close(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (this.#rest.length < 9) return;
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) return;
      const type = this.#rest[3] as number;
      const flags = this.#rest[4] as number;
      const payload = this.#rest.subarray(9, 9 + length);
      this.frames.push({ type, flags, stream: this.#rest.readUInt32BE(5) & 0x7fffffff, payload });
      if (type === FrameType.settings && (flags & Flag.ack) === 0) this.send(frame(FrameType.settings, Flag.ack, 0));
      this.#rest = this.#rest.subarray(9 + length);
    }
  }
}
