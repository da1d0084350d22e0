import { Full, Retained, Taken } from "@weftmesh/http";
import type { FrameWire, WireReader } from "@weftmesh/wire";

/**
 * A wire in memory. What it delivers lies in one buffer that is overwritten after each delivery, as the shared buffer of
 * real wires is; what is written waits until `flush`, as it does until the end of a turn.
 */
export class MemoryWire implements FrameWire {
  received = 0;
  sent = 0;
  bulk = false;
  closed = false;
  output: Buffer = Buffer.alloc(0);
  gathered = 0;
  ended = false;
  destroyed = false;
  wasReset = false;
  probes = 0;
  /** The peer takes nothing. */
  stuck = false;
  reader: WireReader | undefined = undefined;
  /** Hears what is flushed. */
  onFlush: (bytes: Buffer) => void = () => {};
  private waiting: Buffer[] = [];
  private toldFull = false;
  private readonly memory = Buffer.alloc(65_536);
  private readonly highWaterBytes: number;

  constructor(highWaterBytes = 65_536) {
    this.highWaterBytes = highWaterBytes;
  }

  get pending(): number {
    return this.gathered + this.waiting.reduce((sum, each) => sum + each.length, 0);
  }

  get full(): boolean {
    return this.pending >= this.highWaterBytes;
  }

  readBy(reader: WireReader): void {
    this.reader = reader;
  }

  /** The peer sends these bytes, which are read in pieces of these sizes, the last of them for all the rest. */
  feed(bytes: Buffer, sizes: readonly number[] = []): void {
    let start = 0;
    for (let i = 0; start < bytes.length && !this.closed && !this.destroyed; i++) {
      const end = Math.min(bytes.length, start + Math.min(sizes[i] ?? 60_000, this.memory.length));
      bytes.copy(this.memory, 0, start, end);
      this.received += end - start;
      this.reader?.onBytes(this.memory, end - start);
      this.memory.fill(0x21);
      start = end;
    }
  }

  /** The turn is over: what was gathered goes out, if the peer takes anything. */
  flush(): void {
    if (this.gathered > 0) {
      this.waiting.push(Buffer.from(this.output.subarray(0, this.gathered)));
      this.output = Buffer.alloc(0);
      this.gathered = 0;
    }
    if (this.stuck) return;
    for (const bytes of this.waiting.splice(0)) this.onFlush(bytes);
    if (!this.toldFull || this.full) return;
    this.toldFull = false;
    this.reader?.onWritable();
  }

  cut(error?: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.reader?.onClosed(error);
  }

  reserve(bytes: number): number {
    const at = this.gathered;
    if (at + bytes > this.output.length) {
      const grown = Buffer.alloc(Math.max(2 * this.output.length, at + bytes));
      this.output.copy(grown);
      this.output = grown;
    }
    this.gathered = at + bytes;
    this.sent += bytes;
    return at;
  }

  gather(bytes: Uint8Array, start: number, end: number): number {
    const at = this.reserve(end - start);
    this.output.set(bytes.subarray(start, end), at);
    if (!this.full) return Taken;
    this.toldFull = true;
    return Full;
  }

  writeText(text: string): number {
    return this.writeBytes(Buffer.from(text, "latin1"));
  }

  writeBytes(bytes: Uint8Array): number {
    return this.gather(bytes, 0, bytes.length) | Retained;
  }

  writeAround(before: string, bytes: Uint8Array, after: string): number {
    return this.writeText(before) | this.writeBytes(bytes) | this.writeText(after);
  }

  chunk(bytes: Buffer, start: number, end: number): Buffer {
    return bytes === this.memory ? Buffer.from(bytes.subarray(start, end)) : bytes.subarray(start, end);
  }

  retain(): void {}

  probe(): void {
    this.probes++;
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    this.flush();
    this.ended = true;
  }

  destroy(): void {
    this.flush();
    this.destroyed = true;
    queueMicrotask(() => this.cut());
  }

  reset(): void {
    this.wasReset = true;
    this.destroy();
  }
}
