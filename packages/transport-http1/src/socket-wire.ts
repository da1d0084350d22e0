import type { OnReadOpts, Socket } from "node:net";
import { Full, Retained, Taken } from "@weftmesh/http";
import { inlineBytes, latin1 } from "./latin1.ts";
import { giveBuffer, isShared, ownBytes, sharedBuffer, takeBuffer } from "./read-buffers.ts";
import { flushAtEndOfTurn } from "./turn-writes.ts";
import type { Wire, WireReader } from "./wire.ts";

/** What may wait in a socket before its writer is told to stop, where nothing else is said. */
export const writeHighWaterBytes: number = 65_536;

const nothing = Buffer.alloc(0);

let open = 0;

/** Sockets of the process that have a wire, of servers and of clients. */
export function openSockets(): number {
  return open;
}

/** What a `net.Socket` implements as a Writable: it hands the text to its handle, with none of the Writable's own work. */
interface DirectWriter {
  _write(text: string, encoding: "latin1", done: (error?: Error | null) => void): void;
}

/**
 * A wire over a `net.Socket`; see `TlsWire` for one over a `tls.TLSSocket`.
 *
 * Shape: make the wire first, give `wire.onread` to the socket's constructor or to `net.connect`, then `attach` the
 * socket: its reads come in reused buffers. A socket that was made without it is read through its `data` events.
 * Text goes out at the end of the turn in which it was written, and before anything else of this wire; see
 * `turn-writes.ts`.
 */
export class SocketWire implements Wire {
  received = 0;
  sent = 0;
  bulk = false;
  closed = false;

  /** The socket's own is the same. */
  private readonly highWaterBytes: number;
  protected socket: Socket | undefined = undefined;
  private reader: WireReader;
  /** What the next read goes into; undefined where the socket allocates. */
  private buffer: Buffer | undefined = undefined;
  /** Somebody holds a chunk of `buffer`. */
  private lent = false;
  private paused = false;
  protected error: Error | undefined = undefined;
  /** Text that goes out at the end of the turn. */
  protected queued = "";
  /** A writer waits since what is queued was too much. */
  private toldFull = false;
  /** Bytes of the one direct write that is under way. */
  private direct = 0;
  /** To be ended when the direct write is over. */
  private ending = false;
  private readonly wrote: (error?: Error | null) => void = (error) => this.onWrote(error);

  /** Buffers for reading that are larger than `highWaterBytes` are not used. */
  constructor(reader: WireReader, highWaterBytes: number = writeHighWaterBytes) {
    this.reader = reader;
    this.highWaterBytes = highWaterBytes;
  }

  /** For the option `onread` of a socket. */
  get onread(): OnReadOpts {
    return {
      buffer: () => this.nextBuffer() as Buffer,
      callback: (length, bytes) => {
        this.take(bytes as Buffer, length);
        return !this.paused;
      },
    };
  }

  /** `buffered` says whether the socket was made with `onread`. The socket must allow half-open connections. */
  attach(socket: Socket, buffered: boolean): void {
    this.socket = socket;
    open++;
    if (!buffered) socket.on("data", (bytes: Buffer) => this.take(bytes, bytes.length));
    socket.on("end", () => {
      if (!this.closed) this.reader.onEof();
    });
    socket.on("drain", () => {
      if (!this.closed) this.reader.onWritable();
    });
    socket.on("error", (error: Error) => {
      this.error = error;
    });
    socket.on("close", () => this.close());
  }

  readBy(reader: WireReader): void {
    this.reader = reader;
  }

  get pending(): number {
    return this.queued.length + this.direct + (this.socket?.writableLength ?? 0);
  }

  get full(): boolean {
    const { socket } = this;
    if (socket === undefined) return false;
    if (this.queued.length + this.direct >= this.highWaterBytes) return true;
    return socket.writableLength > 0 && socket.writableNeedDrain;
  }

  writeText(text: string): number {
    const { socket } = this;
    if (socket === undefined || this.closed) return Taken;
    this.sent += text.length;
    return this.queue(text);
  }

  /** The turn is over. */
  flush(): void {
    this.writeQueued();
    // While a direct write is under way, its end asks again.
    if (!this.toldFull || this.direct > 0) return;
    this.toldFull = false;
    // The socket may have taken it all at once, and then no `drain` follows.
    if (!this.closed && !this.full) this.reader.onWritable();
  }

  writeBytes(bytes: Uint8Array): number {
    const { socket } = this;
    if (socket === undefined || this.closed) return Taken;
    this.sent += bytes.length;
    this.writeQueued();
    socket.write(bytes);
    return this.flags(socket);
  }

  writeAround(before: string, bytes: Uint8Array, after: string): number {
    const { socket } = this;
    if (socket === undefined || this.closed) return Taken;
    this.sent += before.length + bytes.length + after.length;
    if (bytes.length <= inlineBytes) {
      const text = before + latin1(bytes, 0, bytes.length) + after;
      return this.queue(text);
    }
    this.writeQueued();
    socket.cork();
    if (before !== "") socket.write(before, "latin1");
    socket.write(bytes);
    if (after !== "") socket.write(after, "latin1");
    socket.uncork();
    return this.flags(socket);
  }

  chunk(bytes: Buffer, start: number, end: number): Buffer {
    if (!isShared(bytes)) return bytes.subarray(start, end);
    const copy = Buffer.allocUnsafe(end - start);
    bytes.copy(copy, 0, start, end);
    return copy;
  }

  retain(bytes: Buffer): void {
    if (bytes === this.buffer) this.lent = true;
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (!this.closed) this.socket?.resume();
  }

  end(): void {
    this.writeQueued();
    if (this.closed) return;
    // The Writable knows nothing of a direct write, and would end in the midst of it.
    if (this.direct > 0) this.ending = true;
    else this.socket?.end();
  }

  destroy(error?: Error): void {
    this.writeQueued();
    if (!this.closed) this.socket?.destroy(error);
  }

  reset(): void {
    this.writeQueued();
    if (!this.closed) this.socket?.resetAndDestroy();
  }

  probe(): void {
    this.writeQueued();
    if (!this.closed && this.socket?.writableEnded === false) this.socket.write(nothing);
  }

  private queue(text: string): number {
    if (this.queued === "") flushAtEndOfTurn(this);
    this.queued += text;
    if (!this.full) return Taken;
    this.toldFull = true;
    return Full;
  }

  protected writeQueued(): void {
    const { queued } = this;
    if (queued === "") return;
    this.queued = "";
    const { socket } = this;
    if (socket === undefined || this.closed) return;
    if (this.direct > 0 || socket.writableLength > 0 || socket.connecting) {
      socket.write(queued, "latin1");
      return;
    }
    this.direct = queued.length;
    (socket as unknown as DirectWriter)._write(queued, "latin1", this.wrote);
  }

  private onWrote(error: Error | null | undefined): void {
    this.direct = 0;
    const { socket } = this;
    if (socket === undefined || this.closed) return;
    if (error) socket.destroy(error);
    else if (this.ending) socket.end();
    else if (this.toldFull && this.queued === "") this.flush();
  }

  protected flags(socket: Socket): number {
    if (socket.writableLength === 0) return Taken;
    return socket.writableNeedDrain ? Retained | Full : Retained;
  }

  private take(bytes: Buffer, length: number): void {
    if (this.closed) return;
    this.received += length;
    this.reader.onBytes(bytes, length);
  }

  /**
   * Node asks for it when it makes the socket and right after each read. Where nothing is said it goes on with the
   * buffer that it has, and need not look up its memory.
   */
  private nextBuffer(): Buffer | undefined {
    const current = this.buffer;
    const own = current !== undefined && !isShared(current);
    if (this.bulk && !this.paused && this.highWaterBytes >= ownBytes) {
      if (own && !this.lent) return undefined;
      this.buffer = takeBuffer();
    } else {
      if (own && !this.lent) giveBuffer(current);
      else if (current !== undefined && !own) return undefined;
      this.buffer = sharedBuffer();
    }
    this.lent = false;
    return this.buffer;
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    open--;
    const { buffer } = this;
    this.buffer = undefined;
    if (buffer !== undefined && !isShared(buffer) && !this.lent) giveBuffer(buffer);
    this.reader.onClosed(this.error);
  }
}
