import { Full, Taken } from "@weftmesh/http";
import type { Wire, WireReader } from "../src/wire.ts";

/** What lent memory reads like once it is the wire's again. */
const spoiled = 0xaa;
/** What one read brings at most. */
const sharedBytes = 16_384;
const bulkBytes = 65_536;

/**
 * A wire in memory: a test is the peer.
 *
 * Shape: memory that was lent is overwritten as soon as it may be; bytes that are fed while it is paused wait.
 */
export class FakeWire implements Wire {
  reader: WireReader | undefined = undefined;
  received = 0;
  sent = 0;
  full = false;
  closed = false;
  bulk = false;
  paused = false;
  /** `end` was called. */
  ended = false;
  /** `destroy` or `reset` was called. */
  destroyed = false;
  wasReset = false;
  probes = 0;
  readonly writes: string[] = [];
  private current: Buffer | undefined = undefined;
  private isShared = false;
  private lent = false;
  private flushing = false;
  private eof = false;
  private readonly queue: Buffer[] = [];

  get written(): string {
    return this.writes.join("");
  }

  get pending(): number {
    return this.full ? 1 : 0;
  }

  /** Bytes from the peer, in one read. */
  feed(bytes: string | Uint8Array): void {
    if (bytes.length > 0)
      this.queue.push(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : Buffer.from(bytes));
    this.flush();
  }

  /** The peer sends no more, after what was fed. */
  feedEof(): void {
    this.eof = true;
    this.flush();
  }

  /** The connection breaks. */
  cut(error?: Error): void {
    this.close(error);
  }

  /** What was written has gone out. */
  writable(): void {
    this.full = false;
    this.reader?.onWritable();
  }

  writeText(text: string): number {
    if (this.closed) return Taken;
    this.writes.push(text);
    this.sent += text.length;
    return this.full ? Full : Taken;
  }

  writeBytes(bytes: Uint8Array): number {
    return this.writeText(Buffer.from(bytes).toString("latin1"));
  }

  writeAround(before: string, bytes: Uint8Array, after: string): number {
    return this.writeText(before + Buffer.from(bytes).toString("latin1") + after);
  }

  chunk(bytes: Buffer, start: number, end: number): Buffer {
    const shared = bytes === this.current && this.isShared;
    return shared ? Buffer.from(bytes.subarray(start, end)) : bytes.subarray(start, end);
  }

  retain(bytes: Buffer): void {
    if (bytes === this.current) this.lent = true;
  }

  probe(): void {
    this.probes++;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    queueMicrotask(() => this.flush());
  }

  end(): void {
    this.ended = true;
  }

  destroy(error?: Error): void {
    this.destroyed = true;
    if (!this.closed) queueMicrotask(() => this.close(error));
  }

  reset(): void {
    this.wasReset = true;
    this.destroy();
  }

  private flush(): void {
    if (this.flushing) return;
    this.flushing = true;
    while (!this.paused && !this.closed) {
      const first = this.queue.shift();
      if (first === undefined) break;
      const most = this.bulk ? bulkBytes : sharedBytes;
      const bytes = first.subarray(0, most);
      if (first.length > most) this.queue.unshift(first.subarray(most));
      this.received += bytes.length;
      const lent = Buffer.concat([bytes, Buffer.alloc(8, spoiled)]);
      this.current = lent;
      this.isShared = !this.bulk;
      this.lent = false;
      this.reader?.onBytes(lent, bytes.length);
      if (!this.lent) lent.fill(spoiled);
      this.current = undefined;
    }
    this.flushing = false;
    if (this.eof && this.queue.length === 0 && !this.paused && !this.closed) {
      this.eof = false;
      this.reader?.onEof();
    }
  }

  private close(error: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.reader?.onClosed(error);
  }
}
