import type { OnReadOpts, Socket } from "node:net";
import { Full, Retained, Taken } from "@weftmesh/http";
import { writeDirectly } from "./direct-write.ts";
import { inlineBytes, latin1 } from "./latin1.ts";
import { giveBuffer, isShared, ownBytes, sharedBuffer, takeBuffer } from "./read-buffers.ts";
import { flushAtEndOfTurn } from "./turn-writes.ts";
import type { FrameWire, WireReader } from "./wire.ts";
import { giveOutput, maxGatheredBytes, noBytes, takeOutput } from "./write-buffers.ts";

/** What may wait in a socket before its writer is told to stop, where nothing else is said. */
export const writeHighWaterBytes: number = 65_536;

const { copy } = Buffer.prototype as {
  copy(this: Uint8Array, to: Uint8Array, at: number, start: number, end: number): number;
};

/** What `reserve` gives room for at once. */
const maxReserved = 16_384;
/** Up to here a loop copies quicker than a call of the runtime does. */
const fewBytes = 32;

let open = 0;

/** Sockets of the process that have a wire, of servers and of clients. */
export function openSockets(): number {
  return open;
}

/**
 * A wire over a `net.Socket`; see `TlsWire` for one over a `tls.TLSSocket`.
 *
 * Shape: make the wire first, give `wire.onread` to the socket's constructor or to `net.connect`, then `attach` the
 * socket: its reads come in reused buffers. A socket that was made without it is read through its `data` events.
 * Text and gathered bytes go out at the end of the turn in which they were written, and before anything else of this
 * wire; see `turn-writes.ts`. Either text waits or bytes do: where both are written in a turn, the text joins the bytes.
 */
export class SocketWire implements FrameWire {
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
  output: Buffer = noBytes;
  gathered = 0;
  /** The output of the direct write that is under way. */
  private leaving: Buffer | undefined = undefined;
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
    return this.queued.length + this.gathered + this.direct + (this.socket?.writableLength ?? 0);
  }

  get full(): boolean {
    const { socket } = this;
    if (socket === undefined) return false;
    if (this.queued.length + this.gathered + this.direct >= this.highWaterBytes) return true;
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
    if (this.gathered > 0) this.writeBehindGathered(socket, bytes);
    else {
      this.writeQueued();
      socket.write(bytes);
    }
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

  reserve(bytes: number): number {
    if (this.queued !== "") this.gatherQueued();
    const at = this.gathered;
    if (at + bytes > this.output.length) return this.makeRoom(bytes);
    if (at === 0) flushAtEndOfTurn(this);
    this.gathered = at + bytes;
    this.sent += bytes;
    if (this.gathered + this.direct >= this.highWaterBytes) this.toldFull = true;
    return at;
  }

  gather(bytes: Uint8Array, start: number, end: number): number {
    if (this.socket === undefined || this.closed) return Taken;
    for (let from = start; from < end; ) {
      const to = Math.min(end, from + maxReserved);
      const at = this.reserve(to - from);
      if (to - from > fewBytes) copy.call(bytes, this.output, at, from, to);
      else for (let i = from, j = at; i < to; i++, j++) this.output[j] = bytes[i] as number;
      from = to;
    }
    return this.full ? Full : Taken;
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
    const { socket } = this;
    if (this.closed || socket === undefined) return;
    if (this.isEnding(socket)) socket.destroy();
    else socket.resetAndDestroy();
  }

  /** While its end goes out TCP takes no reset, and Node leaves a socket open for ever whose reset fails. */
  protected isEnding(socket: Socket): boolean {
    return socket.writableEnded && !socket.writableFinished;
  }

  probe(): void {
    this.writeQueued();
    if (!this.closed && this.socket?.writableEnded === false) this.socket.write(noBytes);
  }

  private queue(text: string): number {
    if (this.queued === "") {
      if (this.gathered > 0) return this.queueBehindGathered(text);
      flushAtEndOfTurn(this);
    }
    this.queued += text;
    if (!this.full) return Taken;
    this.toldFull = true;
    return Full;
  }

  protected writeQueued(): void {
    const { queued } = this;
    if (queued === "") {
      if (this.gathered > 0) this.writeGathered();
      return;
    }
    this.queued = "";
    const { socket } = this;
    if (socket === undefined || this.closed) return;
    if (this.direct > 0 || socket.writableLength > 0 || socket.connecting) {
      socket.write(queued, "latin1");
      return;
    }
    this.direct = queued.length;
    writeDirectly(socket, queued, this.wrote);
  }

  /** Room where what is there does not have it: in a larger buffer, or behind a write. */
  private makeRoom(bytes: number): number {
    if (bytes > maxReserved)
      throw new RangeError(`${bytes} bytes are more than a wire reserves at once, ${maxReserved}`);
    const { gathered, output } = this;
    if (gathered + bytes > maxGatheredBytes) {
      this.writeUnheard();
      return this.reserve(bytes);
    }
    this.output = takeOutput(gathered + bytes);
    output.copy(this.output, 0, 0, gathered);
    giveOutput(output);
    return this.reserve(bytes);
  }

  /** Text that waits goes out with the bytes that follow it, in one write. */
  private gatherQueued(): void {
    const { queued } = this;
    if (queued.length > maxReserved) {
      this.writeUnheard();
      return;
    }
    this.queued = "";
    this.sent -= queued.length;
    const at = this.reserve(queued.length);
    this.output.write(queued, at, "latin1");
  }

  private queueBehindGathered(text: string): number {
    if (text.length > maxReserved) {
      this.writeUnheard();
      return this.queue(text);
    }
    this.sent -= text.length;
    const at = this.reserve(text.length);
    this.output.write(text, at, "latin1");
    return this.full ? Full : Taken;
  }

  /** Writes what waits in the midst of a call that writes: that all of it went out is said at the end of the turn. */
  private writeUnheard(): void {
    const { toldFull } = this;
    this.toldFull = false;
    this.writeQueued();
    this.toldFull = toldFull;
  }

  /** Writes what was gathered, and leaves the wire without memory for more. */
  protected writeGathered(): void {
    const { output, gathered, socket } = this;
    this.gathered = 0;
    this.output = noBytes;
    if (socket === undefined || this.closed) {
      giveOutput(output);
      return;
    }
    const bytes = output.subarray(0, gathered);
    if (this.direct > 0 || socket.writableLength > 0 || socket.connecting) {
      socket.write(bytes);
      return;
    }
    this.direct = gathered;
    this.leaving = output;
    writeDirectly(socket, bytes, this.wrote);
  }

  /** What was gathered and these in one packet where they fit in one. */
  protected writeBehindGathered(socket: Socket, bytes: Uint8Array): void {
    const { output, gathered } = this;
    this.gathered = 0;
    this.output = noBytes;
    socket.cork();
    socket.write(output.subarray(0, gathered));
    socket.write(bytes);
    socket.uncork();
    if (socket.writableLength === 0) giveOutput(output);
  }

  private onWrote(error: Error | null | undefined): void {
    this.direct = 0;
    if (this.leaving !== undefined) {
      giveOutput(this.leaving);
      this.leaving = undefined;
    }
    const { socket } = this;
    if (socket === undefined || this.closed) return;
    if (error) socket.destroy(error);
    else if (this.ending) socket.end();
    else if (this.toldFull && this.queued === "" && this.gathered === 0) this.flush();
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
    giveOutput(this.output);
    this.output = noBytes;
    this.gathered = 0;
    this.reader.onClosed(this.error);
  }
}
