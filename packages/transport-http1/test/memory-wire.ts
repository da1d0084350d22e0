import { Full, Retained, Taken } from "@weftmesh/http";
import type { Wire, WireReader } from "@weftmesh/wire";

/**
 * A wire in memory. What it delivers lies in one buffer that is overwritten after each delivery, as the shared buffer
 * of real wires is.
 */
export class MemoryWire implements Wire {
  received = 0;
  sent = 0;
  bulk = false;
  closed = false;
  full = false;
  pending = 0;
  /** Everything that was written, in latin1. */
  written = "";
  /** Each write. */
  readonly writes: string[] = [];
  probes = 0;
  ended = false;
  destroyed = false;
  wasReset = false;
  paused = false;
  reader: WireReader | undefined = undefined;
  private readonly memory = Buffer.alloc(65_536);
  private waiting = Buffer.alloc(0);
  private eof = false;

  readBy(reader: WireReader): void {
    this.reader = reader;
  }

  /** The client sends these bytes; they wait while the wire is paused. */
  feed(bytes: Uint8Array | string): void {
    const more = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    this.waiting = Buffer.concat([this.waiting, more]);
    this.deliver();
  }

  feedEof(): void {
    this.eof = true;
    this.deliver();
  }

  /** The client is gone. */
  cut(error?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.reader?.onClosed(error);
  }

  writable(): void {
    this.full = false;
    this.pending = 0;
    this.reader?.onWritable();
  }

  writeText(text: string): number {
    return this.put(text);
  }

  writeBytes(bytes: Uint8Array): number {
    return this.put(Buffer.from(bytes).toString("latin1"));
  }

  writeAround(before: string, bytes: Uint8Array, after: string): number {
    return this.put(before + Buffer.from(bytes).toString("latin1") + after);
  }

  chunk(bytes: Buffer, start: number, end: number): Buffer {
    return bytes === this.memory ? Buffer.from(bytes.subarray(start, end)) : bytes.subarray(start, end);
  }

  retain(): void {}

  probe(): void {
    this.probes++;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    queueMicrotask(() => this.deliver());
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
    queueMicrotask(() => this.cut());
  }

  reset(): void {
    this.wasReset = true;
    this.destroy();
  }

  private put(text: string): number {
    if (this.closed || this.ended) return Taken;
    this.sent += text.length;
    this.written += text;
    this.writes.push(text);
    if (this.full) this.pending += text.length;
    return this.full ? Retained | Full : Taken;
  }

  private deliver(): void {
    while (!this.paused && !this.closed && !this.destroyed && this.waiting.length > 0) {
      const length = Math.min(this.waiting.length, this.memory.length);
      this.waiting.copy(this.memory, 0, 0, length);
      this.waiting = this.waiting.subarray(length);
      this.received += length;
      this.reader?.onBytes(this.memory, length);
      this.memory.fill(0x21);
    }
    if (this.eof && !this.paused && !this.closed && this.waiting.length === 0) {
      this.eof = false;
      this.reader?.onEof();
    }
  }
}
