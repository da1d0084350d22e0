import { type BodySink, type Flow, Full, type Headers, Taken } from "@weftmesh/http";
import { maxWindowBytes } from "./frame-types.ts";
import type { FramePlace } from "./frame-writer.ts";
import { HeldOutput } from "./held-output.ts";
import type { SendQueue } from "./send-queue.ts";

const nothing = new Uint8Array(0);
/** The end of what has no known length. */
export const unknownLength = -1;

/**
 * What goes out on a stream: the sink of a body, as far as windows and wire let it go.
 *
 * Shape: a part of each stream. What may not be written at once is kept, and the source told to wait; trailers and the
 * end wait behind it. A body that ends while its last frame has not left ends with that frame.
 */
export abstract class StreamOutput implements BodySink, FramePlace {
  readonly id: number;
  /** What the peer lets this stream send; below 0 after it took some back. */
  window: number;
  // The last frame that was written.
  at = -1;
  base = 0;
  // Its place in the queue.
  isQueued = false;
  following: StreamOutput | undefined = undefined;
  /** Content that was written. */
  sentBytes = 0;
  /** Nothing more is written of this stream. */
  outputOver = false;

  protected readonly queue: SendQueue;
  private flow: Flow | undefined = undefined;
  /** The source was told to wait. */
  private toldFull = false;
  private isPiping = false;
  /** It was stopped before the source gave its flow. */
  private stopReason: Error | undefined = undefined;
  /** What is left of a body whose length is known. */
  private left: number = unknownLength;
  private held: HeldOutput | undefined = undefined;

  constructor(id: number, queue: SendQueue, window: number) {
    this.id = id;
    this.queue = queue;
    this.window = window;
  }

  /** Writes trailers as HEADERS that end the stream. */
  protected abstract writeTrailers(trailers: Headers): void;
  /** END_STREAM was written. */
  protected abstract outputEnded(): void;
  /** The source failed, or is not as long as it said: the rest will not come. */
  protected abstract outputBroke(error: Error): void;
  /** A source threw where it may not. */
  protected abstract crashed(thrown: unknown): void;
  protected abstract wrongLength(isLonger: boolean, left: number): Error;

  /** Something waits for window. */
  get holds(): boolean {
    return this.held !== undefined;
  }

  /** What waits until it may be written. */
  get heldBytes(): number {
    return this.held === undefined ? 0 : this.held.end - this.held.start;
  }

  /** Takes the flow of the source that was piped here; `length` was set before that. */
  protected take(flow: Flow): void {
    this.isPiping = false;
    if (this.outputOver) {
      const { stopReason } = this;
      this.stopReason = undefined;
      if (stopReason !== undefined) flow.stop(stopReason);
      return;
    }
    this.flow = flow;
    // It was let on before anybody could be told so.
    if (this.toldFull && !this.isQueued && !this.holds) this.goOn();
  }

  protected expect(length: number | undefined): void {
    this.left = length ?? unknownLength;
    this.isPiping = true;
  }

  get takesSlices(): boolean {
    return true;
  }

  onData(chunk: Uint8Array): number {
    return this.onSlice(chunk, 0, chunk.length);
  }

  onSlice(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (this.outputOver || length === 0 || this.held?.isLast === true) return Taken;
    if (this.left !== unknownLength) {
      if (length > this.left) {
        this.outputBroke(this.wrongLength(true, 0));
        return Taken;
      }
      this.left -= length;
    }
    const written = this.held !== undefined ? start : this.queue.write(this, bytes, start, end);
    if (written < end) {
      this.held ??= new HeldOutput();
      this.held.add(bytes, written, end);
      if (this.window > 0) this.queue.add(this);
    } else if (this.queue.isFull()) this.queue.add(this);
    else return Taken;
    this.toldFull = true;
    return Full;
  }

  onEnd(trailers: Headers | undefined): void {
    const { held } = this;
    if (this.outputOver || held?.isLast === true) return;
    this.flow = undefined;
    if (this.left > 0) {
      this.outputBroke(this.wrongLength(false, this.left));
      return;
    }
    if (held === undefined) this.writeEnd(trailers);
    else {
      held.isLast = true;
      held.trailers = trailers;
    }
  }

  onError(error: Error): void {
    if (this.outputOver || this.held?.isLast === true) return;
    this.flow = undefined;
    this.outputBroke(error);
  }

  /** Its turn has come. */
  goOn(): void {
    if (this.outputOver) return;
    const { held } = this;
    if (held !== undefined) {
      held.start = this.queue.writeFrame(this, held.bytes, held.start, held.end);
      if (held.start < held.end) {
        if (this.window > 0) this.queue.add(this);
        return;
      }
      this.held = undefined;
      if (held.isLast) {
        this.writeEnd(held.trailers);
        return;
      }
    }
    if (!this.toldFull || this.isPiping) return;
    this.toldFull = false;
    try {
      this.flow?.resume();
    } catch (thrown) {
      this.crashed(thrown);
    }
  }

  /** The peer takes more of this stream. False when that is more than a window may be. */
  openWindow(increment: number): boolean {
    this.window += increment;
    if (this.window > maxWindowBytes) return false;
    if (this.window > 0 && this.holds) {
      this.queue.add(this);
      this.queue.pump();
    }
    return true;
  }

  /** Writes no more, drops what waits, and tells the source so. */
  protected stopOutput(reason: Error): void {
    if (this.outputOver) return;
    this.outputOver = true;
    const { flow } = this;
    if (this.isPiping) this.stopReason = reason;
    this.flow = undefined;
    this.held = undefined;
    flow?.stop(reason);
  }

  /** Ends the stream: with the last frame where that has not left. */
  protected writeEnd(trailers: Headers | undefined): void {
    this.outputOver = true;
    const { frames } = this.queue;
    if (trailers !== undefined && trailers.size > 0) this.writeTrailers(trailers);
    else if (!frames.endStreamAt(this)) frames.data(this.id, true, nothing, 0, 0, this);
    this.outputEnded();
  }
}
