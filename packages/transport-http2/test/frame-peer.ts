import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { HeaderDecoder } from "@weftmesh/hpack";
import { Flag, FrameType } from "../src/frame-types.ts";

export type Row = readonly [name: string, value: string];

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** A message as it came: header lists, content, and how it ended. */
export interface Message {
  readonly lists: readonly (readonly Row[])[];
  readonly status: string | undefined;
  readonly body: string;
  readonly ended: boolean;
  /** The code of RST_STREAM. */
  readonly reset: number | undefined;
}

const prefaceText = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** Generous, since the machine may be busy: a test that waits for so long has failed. */
const patienceMs = 15_000;

/** The bytes of a frame; `length` is told in place of the true one. */
export function frame(
  type: number,
  flags: number,
  id: number,
  payload: Uint8Array = Buffer.alloc(0),
  length?: number,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length ?? payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id >>> 0, 5);
  return Buffer.concat([head, payload]);
}

/** A header block without tables: every field is a literal that is not indexed. */
export function block(rows: readonly Row[]): Buffer {
  const string = (text: string): Buffer => {
    const octets = Buffer.from(text, "latin1");
    if (octets.length < 127) return Buffer.concat([Buffer.from([octets.length]), octets]);
    const head: number[] = [127];
    let rest = octets.length - 127;
    for (; rest >= 128; rest = rest >>> 7) head.push(128 | (rest & 127));
    head.push(rest);
    return Buffer.concat([Buffer.from(head), octets]);
  };
  return Buffer.concat(rows.flatMap(([name, value]) => [Buffer.from([0]), string(name), string(value)]));
}

export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, i * 4);
  return bytes;
}

/** The payload of SETTINGS. */
export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const bytes = Buffer.alloc(pairs.length * 6);
  for (const [i, [id, value]] of pairs.entries()) {
    bytes.writeUInt16BE(id, i * 6);
    bytes.writeUInt32BE(value >>> 0, i * 6 + 2);
  }
  return bytes;
}

export function request(path = "/", more: readonly Row[] = [], method = "GET"): Row[] {
  return [[":method", method], [":scheme", "http"], [":path", path], [":authority", "web.example"], ...more];
}

interface Waiting {
  readonly look: () => boolean;
  readonly resolve: () => void;
}

/** One end of HTTP/2 that does just what a test says: frames go out as they are given, and those that come are kept. */
export class FramePeer {
  readonly socket: Duplex;
  readonly frames: Frame[] = [];
  readonly decoder: HeaderDecoder = new HeaderDecoder({ maxTableBytes: 65_536 });
  closed = false;
  /** The other side has ended its half. */
  ended = false;
  /** Answers SETTINGS and PING by itself. */
  polite = true;
  received = 0;
  /** Which frames are kept; all of them if a test that sends many does not say otherwise. */
  keeps: (each: Frame) => boolean = () => true;
  readonly #lists = new Map<number, (readonly Row[])[]>();
  readonly #waiting: Waiting[] = [];
  #held: Buffer = Buffer.alloc(0);
  #block: Buffer[] = [];
  #pings = 0;
  #prefaceLeft: number;

  /** A server reads the preface of its client first. */
  constructor(socket: Duplex, role: "client" | "server" = "client") {
    this.socket = socket;
    this.#prefaceLeft = role === "server" ? prefaceText.length : 0;
    socket.on("data", (bytes: Buffer) => {
      this.received += bytes.length;
      this.#read(bytes);
      this.#check();
    });
    socket.on("error", () => {});
    socket.on("end", () => {
      this.ended = true;
      this.#check();
    });
    socket.on("close", () => {
      this.closed = true;
      this.#check();
    });
  }

  /** A connection on which nothing was sent yet. */
  static to(port: number): FramePeer {
    return new FramePeer(connect({ port, host: "127.0.0.1", noDelay: true }));
  }

  static toTls(port: number, alpn: readonly string[] = ["h2"]): FramePeer {
    // Whether the certificate is good is none of these tests' business.
    return new FramePeer(
      connectTls({
        port,
        host: "127.0.0.1",
        ALPNProtocols: [...alpn],
        rejectUnauthorized: false,
        servername: "backend",
      }),
    );
  }

  /** A connection with the prefaces of both sides exchanged, and the settings acknowledged. */
  static async open(port: number, ours: Buffer = settings()): Promise<FramePeer> {
    return FramePeer.to(port).begin(ours);
  }

  async begin(ours: Buffer = settings()): Promise<this> {
    this.raw(Buffer.from(prefaceText)).write(FrameType.Settings, 0, 0, ours);
    await this.find("an acknowledgement", (each) => each.type === FrameType.Settings && (each.flags & Flag.Ack) !== 0);
    return this;
  }

  raw(bytes: Uint8Array): this {
    if (!this.socket.destroyed) this.socket.write(bytes);
    return this;
  }

  preface(): this {
    return this.raw(Buffer.from(prefaceText));
  }

  write(type: number, flags: number, id: number, payload?: Uint8Array, length?: number): this {
    return this.raw(frame(type, flags, id, payload, length));
  }

  headers(id: number, rows: readonly Row[], flags: number = Flag.EndStream | Flag.EndHeaders): this {
    return this.write(FrameType.Headers, flags, id, block(rows));
  }

  /** A request with a body that is still to come. */
  post(id: number, path = "/collect", more: readonly Row[] = []): this {
    return this.headers(id, request(path, more, "POST"), Flag.EndHeaders);
  }

  get(id: number, path = "/"): this {
    return this.headers(id, request(path));
  }

  data(id: number, content: string | Uint8Array, flags: number = 0): this {
    return this.write(FrameType.Data, flags, id, typeof content === "string" ? Buffer.from(content) : content);
  }

  reset(id: number, code: number): this {
    return this.write(FrameType.RstStream, 0, id, uint32(code));
  }

  /** Sends `make(0)`, `make(1)` and so on, as fast as the other side takes it; how many, when all are sent or it closed. */
  async flood(count: number, make: (i: number) => Uint8Array): Promise<number> {
    for (let i = 0; i < count; i++) {
      if (this.closed || this.socket.destroyed || this.socket.writableEnded) return i;
      if (this.socket.write(make(i))) continue;
      await new Promise<void>((resolve) => {
        const goOn = (): void => {
          this.socket.off("drain", goOn).off("close", goOn);
          resolve();
        };
        this.socket.on("drain", goOn).on("close", goOn);
      });
    }
    return count;
  }

  windowUpdate(id: number, increment: number): this {
    return this.write(FrameType.WindowUpdate, 0, id, uint32(increment));
  }

  /** Resolves once everything that was sent so far was read: the connection lives. */
  async alive(): Promise<this> {
    const mark = uint32(0x77656674, ++this.#pings);
    this.write(FrameType.Ping, 0, 0, mark);
    await this.find("an answer to PING", (each) => each.type === FrameType.Ping && each.payload.equals(mark));
    return this;
  }

  /** The first frame of that kind, when it has come. */
  async find(what: string, is: (frame: Frame) => boolean): Promise<Frame> {
    await this.until(what, () => this.frames.some(is));
    return this.frames.find(is) as Frame;
  }

  /** The code of the GOAWAY that ends the connection, and the last stream that it names; then all is closed. */
  async goaway(): Promise<{ readonly code: number; readonly lastId: number }> {
    const { payload } = await this.find("GOAWAY", (each) => each.type === FrameType.Goaway);
    await this.gone();
    return { lastId: payload.readUInt32BE(0), code: payload.readUInt32BE(4) };
  }

  /** The code with which the stream was reset. */
  async resetOf(id: number): Promise<number> {
    const { payload } = await this.find(
      `RST_STREAM of ${id}`,
      (each) => each.type === FrameType.RstStream && each.id === id,
    );
    return payload.readUInt32BE(0);
  }

  gone(): Promise<void> {
    return this.until("the end of the connection", () => this.closed);
  }

  /** The message on the stream, when it is over. */
  async response(id: number): Promise<Message> {
    await this.until(`the response on stream ${id}`, () => {
      const { ended, reset } = this.message(id);
      return ended || reset !== undefined;
    });
    return this.message(id);
  }

  /** What has come on the stream so far. */
  message(id: number): Message {
    const ours = this.frames.filter((each) => each.id === id);
    const lists = this.#lists.get(id) ?? [];
    const final = lists.find((list) => !isInterim(list));
    const reset = ours.find((each) => each.type === FrameType.RstStream)?.payload.readUInt32BE(0);
    return {
      lists,
      status: final?.find(([name]) => name === ":status")?.[1],
      body: Buffer.concat(ours.filter((each) => each.type === FrameType.Data).map((each) => each.payload)).toString(
        "latin1",
      ),
      ended: ours.some(({ type, flags }) => type <= FrameType.Headers && (flags & Flag.EndStream) !== 0),
      reset,
    };
  }

  /** Octets of DATA that came, on one stream or on all. */
  dataBytes(id?: number): number {
    let sum = 0;
    for (const each of this.frames) {
      if (each.type === FrameType.Data && (id === undefined || each.id === id)) sum += each.payload.length;
    }
    return sum;
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`there was no ${what}; there was ${this.#summary()}`)), patienceMs);
    });
    const met = new Promise<void>((resolve) => this.#waiting.push({ look: holds, resolve }));
    const lost = new Promise<never>((_resolve, reject) => {
      this.#waiting.push({
        look: () => this.closed && !holds(),
        resolve: () => reject(new Error(`the connection closed without ${what}; there was ${this.#summary()}`)),
      });
    });
    try {
      await Promise.race([met, lost, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  destroy(): void {
    this.socket.destroy();
  }

  #summary(): string {
    const shown = this.frames.slice(-12).map(({ type, flags, id, payload }) => {
      const detail = type === FrameType.Goaway || type === FrameType.RstStream ? ` ${payload.toString("hex")}` : "";
      return `${Object.keys(FrameType)[type] ?? type}(${id}, ${flags}, ${payload.length}${detail})`;
    });
    return shown.length === 0 ? "nothing" : shown.join(" ");
  }

  #check(): void {
    for (const waiting of [...this.#waiting]) {
      if (!waiting.look()) continue;
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve();
    }
  }

  #read(bytes: Buffer): void {
    let from = 0;
    if (this.#prefaceLeft > 0) {
      from = Math.min(this.#prefaceLeft, bytes.length);
      this.#prefaceLeft -= from;
    }
    this.#held = Buffer.concat([this.#held, bytes.subarray(from)]);
    let at = 0;
    while (this.#held.length - at >= 9) {
      const length = this.#held.readUIntBE(at, 3);
      if (this.#held.length - at < 9 + length) break;
      const payload = Buffer.from(this.#held.subarray(at + 9, at + 9 + length));
      const type = this.#held[at + 3] as number;
      const flags = this.#held[at + 4] as number;
      const id = this.#held.readUInt32BE(at + 5);
      at += 9 + length;
      const each: Frame = { type, flags, id, payload };
      if (!this.keeps(each)) continue;
      this.frames.push(each);
      this.#onFrame(each);
    }
    this.#held = this.#held.subarray(at);
  }

  #onFrame({ type, flags, id, payload }: Frame): void {
    if (type === FrameType.Headers || type === FrameType.Continuation) {
      this.#block.push(payload);
      if ((flags & Flag.EndHeaders) === 0) return;
      const whole = Buffer.concat(this.#block);
      this.#block = [];
      const rows: Row[] = [];
      this.decoder.decode(whole, 0, whole.length, { onField: ({ name, value }) => void rows.push([name, value]) });
      const lists = this.#lists.get(id) ?? [];
      lists.push(rows);
      this.#lists.set(id, lists);
    }
    if (!this.polite || (flags & Flag.Ack) !== 0) return;
    if (type === FrameType.Settings) this.write(FrameType.Settings, Flag.Ack, 0);
    else if (type === FrameType.Ping) this.write(FrameType.Ping, Flag.Ack, 0, payload);
  }
}

function isInterim(list: readonly Row[]): boolean {
  return list.some(([name, value]) => name === ":status" && value.startsWith("1"));
}
