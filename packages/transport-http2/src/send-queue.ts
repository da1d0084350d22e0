import type { FrameWire } from "@weftmesh/wire";
import { ConnectionFault } from "./errors.ts";
import { defaultFrameBytes, defaultWindowBytes, ErrorCode, maxWindowBytes } from "./frame-types.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { FrameBudget } from "./rate-limits.ts";
import type { StreamOutput } from "./stream-output.ts";

const nothing = new Uint8Array(0);
/** A frame of at least so much content shows that the peer takes what it is sent. */
const usefulBytes = 256;

/**
 * The window of a connection, and the streams that wait for it or for the wire: each writes one frame when its turn
 * comes.
 *
 * Shape: one per connection. A stream that nobody is ahead of writes at once. One whose own window is used up is not
 * here: it comes back when that opens.
 */
export class SendQueue {
  window: number = defaultWindowBytes;
  readonly frames: FrameWriter;
  private readonly wire: FrameWire;
  private readonly budget: FrameBudget;
  private first: StreamOutput | undefined = undefined;
  private last: StreamOutput | undefined = undefined;
  private waiting = 0;
  private pumping = false;

  constructor(frames: FrameWriter, budget: FrameBudget) {
    this.frames = frames;
    this.wire = frames.wire;
    this.budget = budget;
  }

  /** The peer takes more. Errors: `ConnectionFault`. */
  open(increment: number): void {
    this.window += increment;
    if (this.window > maxWindowBytes) {
      throw new ConnectionFault(ErrorCode.FlowControlError, "the window of the connection is larger than 2^31 - 1");
    }
    this.pump();
  }

  /** Writes what may be written of `bytes[start, end)` now, and answers how far that was. */
  write(stream: StreamOutput, bytes: Uint8Array, start: number, end: number): number {
    if (this.first !== undefined) return start;
    let p = start;
    while (p < end) {
      const next = this.writeFrame(stream, bytes, p, end);
      if (next === p || (next < end && this.isFull())) return next;
      p = next;
    }
    return p;
  }

  /** Writes one frame, if there is window for it. */
  writeFrame(stream: StreamOutput, bytes: Uint8Array, start: number, end: number): number {
    const length = Math.min(end - start, defaultFrameBytes, stream.window, this.window);
    if (length <= 0) return start;
    stream.window -= length;
    stream.sentBytes += length;
    this.window -= length;
    this.frames.data(stream.id, false, bytes, start, start + length, stream);
    if (length >= usefulBytes || start + length === end) this.budget.useful();
    return start + length;
  }

  /** The wire wants no more for now; it says when it does. */
  isFull(): boolean {
    return this.wire.full && this.wire.gather(nothing, 0, 0) !== 0;
  }

  /** The stream has something to write, or wants to go on when the wire has written what it has. */
  add(stream: StreamOutput): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    stream.following = undefined;
    if (this.last === undefined) this.first = stream;
    else this.last.following = stream;
    this.last = stream;
    this.waiting++;
  }

  /** Lets the streams that wait write, in turn, as much as may be. */
  pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    // Without a window only those can go on that have nothing to write: each is asked once.
    let blocked = 0;
    while (blocked < this.waiting && !this.isFull()) {
      const stream = this.shift();
      if (this.window <= 0 && stream.holds) {
        this.add(stream);
        blocked++;
      } else stream.goOn();
    }
    this.pumping = false;
  }

  private shift(): StreamOutput {
    const stream = this.first as StreamOutput;
    this.first = stream.following;
    if (this.first === undefined) this.last = undefined;
    stream.following = undefined;
    stream.isQueued = false;
    this.waiting--;
    return stream;
  }
}
