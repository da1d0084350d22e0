import { Taken } from "@weftmesh/http";
import type { Wire, WireReader } from "@weftmesh/wire";

const spoiled = 0xaa;

/**
 * A wire without a socket, which is as hard on its reader as a real one: memory that was lent is overwritten as soon as
 * it may be, bytes wait while it is paused, and `onClosed` comes a moment after the end.
 */
export class ClientWire implements Wire {
  received = 0;
  sent = 0;
  pending = 0;
  full = false;
  closed = false;
  bulk = false;
  paused = false;
  wasReset = false;
  written = "";
  /** What the next writes answer. */
  answer: number = Taken;
  private reader: WireReader | undefined = undefined;
  private current: Buffer | undefined = undefined;
  private currentShared = false;
  private lent = false;
  private readonly queue: Buffer[] = [];
  private eof = false;

  readBy(reader: WireReader): void {
    this.reader = reader;
  }

  /** Bytes from the peer, in one read. */
  feed(bytes: Uint8Array): void {
    if (bytes.length > 0) this.queue.push(Buffer.from(bytes));
    this.flush();
  }

  /** The peer's end, after what was fed. */
  feedEnd(): void {
    this.eof = true;
    this.flush();
  }

  fail(error: Error): void {
    this.close(error);
  }

  writeText(text: string): number {
    this.written += text;
    this.sent += text.length;
    return this.answer;
  }

  writeBytes(bytes: Uint8Array): number {
    return this.writeText(Buffer.from(bytes).toString("latin1"));
  }

  writeAround(before: string, bytes: Uint8Array, after: string): number {
    return this.writeText(before + Buffer.from(bytes).toString("latin1") + after);
  }

  chunk(bytes: Buffer, start: number, end: number): Buffer {
    const isShared = bytes === this.current && this.currentShared;
    return isShared ? Buffer.from(bytes.subarray(start, end)) : bytes.subarray(start, end);
  }

  retain(bytes: Buffer): void {
    if (bytes === this.current) this.lent = true;
  }

  probe(): void {}

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    queueMicrotask(() => this.flush());
  }

  end(): void {}

  destroy(error?: Error): void {
    if (!this.closed) queueMicrotask(() => this.close(error));
  }

  reset(): void {
    this.wasReset = true;
    this.destroy();
  }

  private flush(): void {
    while (!this.paused && !this.closed) {
      const bytes = this.queue.shift();
      if (bytes === undefined) {
        if (this.eof) {
          this.eof = false;
          this.reader?.onEof();
        }
        return;
      }
      this.received += bytes.length;
      const lent = Buffer.concat([bytes, Buffer.alloc(8, spoiled)]);
      this.current = lent;
      this.currentShared = !this.bulk;
      this.lent = false;
      this.reader?.onBytes(lent, bytes.length);
      if (!this.lent) lent.fill(spoiled);
      this.current = undefined;
    }
  }

  private close(error: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.reader?.onClosed(error);
  }
}
