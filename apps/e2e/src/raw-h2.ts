import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
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

export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * pairs.length);
  for (const [i, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, 6 * i);
    payload.writeUInt32BE(value, 6 * i + 2);
  }
  return frame(FrameType.settings, 0, 0, payload);
}

export function resetFrame(stream: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(FrameType.reset, 0, stream, payload);
}

/** One end of a connection that writes its frames by hand, and collects those that come. */
class RawEnd {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  /** Hears of each frame as it comes. */
  onFrame: (frame: Frame) => void = () => {};
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes of the preface that are still to come. */
  #before: number;

  constructor(socket: Socket, before: number, first: Buffer) {
    this.socket = socket;
    this.#before = before;
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.socket.setNoDelay(true);
    this.socket.write(first);
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The code with which a stream was reset. */
  resetOf(stream: number): number | undefined {
    return this.of(FrameType.reset, stream)[0]?.payload.readUInt32BE(0);
  }

  of(type: number, stream: number): Frame[] {
    return this.frames.filter((each) => each.type === type && each.stream === stream);
  }

  close(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    const skipped = Math.min(this.#before, chunk.length);
    this.#before -= skipped;
    this.#rest = Buffer.concat([this.#rest, chunk.subarray(skipped)]);
    for (;;) {
      if (this.#rest.length < 9) return;
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) return;
      const type = this.#rest[3] as number;
      const flags = this.#rest[4] as number;
      const payload = this.#rest.subarray(9, 9 + length);
      const found = { type, flags, stream: this.#rest.readUInt32BE(5) & 0x7fffffff, payload };
      this.frames.push(found);
      if (type === FrameType.settings && (flags & Flag.ack) === 0) this.send(frame(FrameType.settings, Flag.ack, 0));
      this.#rest = this.#rest.subarray(9 + length);
      this.onFrame(found);
    }
  }
}

/** A client. */
export class RawH2 extends RawEnd {
  constructor({ ip, port }: Target, ...first: readonly (readonly [id: number, value: number])[]) {
    super(connect(port, ip), 0, Buffer.concat([preface, settings(...first)]));
  }
}

/** A server, with the settings that it has for all its connections. */
export class RawH2Backend {
  readonly connections: RawEnd[] = [];
  /** Hears of each frame on any connection. */
  onFrame: (connection: RawEnd, frame: Frame) => void = () => {};
  readonly #server: Server;

  private constructor(first: readonly (readonly [id: number, value: number])[]) {
    this.#server = createServer((socket) => {
      const connection = new RawEnd(socket, preface.length, settings(...first));
      connection.onFrame = (found) => this.onFrame(connection, found);
      this.connections.push(connection);
    });
  }

  static start(...first: readonly (readonly [id: number, value: number])[]): Promise<RawH2Backend> {
    const backend = new RawH2Backend(first);
    return new Promise((resolve) => backend.#server.listen(0, "127.0.0.1", () => resolve(backend)));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): Promise<void> {
    for (const each of this.connections) each.close();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

export type { RawEnd };
