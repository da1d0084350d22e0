import { type Body, type BodySink, type Flow, Full, type Headers, Retained } from "@weftmesh/http";
import type { FrameWire } from "@weftmesh/wire";
import type { FrameWriter } from "./frame-writer.ts";
import type { ReceiveWindows } from "./receive-windows.ts";

const none = Buffer.alloc(0);

/** The stream that content comes in on. */
export interface InputOwner {
  readonly id: number;
  readonly wire: FrameWire;
  /** Somebody piped the body. */
  inputPiped(): void;
  /** The sink wants no more of it. */
  inputStopped(reason: Error): void;
  /** The sink threw where it may not. */
  crashed(thrown: unknown): void;
}

/**
 * The content of a message that comes in on a stream.
 *
 * Shape: one per message with content. What the sink does not take is kept, which is never more than the stream's
 * window, since that is opened only for bytes that were taken.
 */
export class StreamInput implements Body, Flow {
  readonly length: number | undefined;
  /** The peer sends no more of it. */
  isEnded = false;
  /** Bytes of content that came. */
  received = 0;

  private readonly owner: InputOwner;
  private readonly windows: ReceiveWindows;
  /** What the peer may still send. */
  private window: number;
  /** Taken, and not given back to the peer yet. */
  private credit = 0;
  private isDue = false;
  /** Given to a sink that is full. */
  private lent = 0;
  private sink: BodySink | undefined = undefined;
  private isPiped = false;
  private isFull = false;
  private toldEnd = false;
  private held: Buffer = none;
  private heldLength = 0;
  private trailers: Headers | undefined = undefined;
  private failure: Error | undefined = undefined;

  /** `window` is what the peer believes that it may send. */
  constructor(owner: InputOwner, windows: ReceiveWindows, length: number | undefined, window: number) {
    this.owner = owner;
    this.windows = windows;
    this.length = length;
    this.window = window;
  }

  get piped(): boolean {
    return this.isPiped;
  }

  /** Somebody waits for more of it. */
  get wanted(): boolean {
    return this.sink !== undefined && !this.isFull;
  }

  pipe(sink: BodySink): Flow {
    if (this.isPiped) throw new TypeError("a body is piped once");
    this.isPiped = true;
    if (this.failure !== undefined && this.heldLength === 0) {
      sink.onError(this.failure);
      return this;
    }
    this.sink = sink;
    this.owner.inputPiped();
    this.goOn();
    return this;
  }

  resume(): void {
    if (!this.isFull) return;
    this.isFull = false;
    const { lent } = this;
    this.lent = 0;
    this.release(lent);
    if (this.sink !== undefined) this.goOn();
  }

  stop(reason: Error): void {
    if (this.sink === undefined) return;
    this.sink = undefined;
    this.drop();
    if (!this.isEnded) this.owner.inputStopped(reason);
  }

  /** The peer sent a frame of that length. False when it may not. */
  use(length: number): boolean {
    this.window -= length;
    return this.window >= 0;
  }

  /** Our settings have changed what the peer may send. */
  shift(bytes: number): void {
    this.window += bytes;
  }

  /** Content, lent until the return. */
  take(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    this.received += length;
    if (this.failure !== undefined || (this.isPiped && this.sink === undefined)) {
      this.giveBack(length);
      return;
    }
    if (this.sink === undefined || this.isFull || this.heldLength > 0) {
      this.hold(bytes, start, end);
      return;
    }
    this.give(bytes, this.owner.wire.chunk(bytes, start, end));
  }

  /** Bytes of a frame that are no content. */
  giveBack(length: number): void {
    if (length === 0) return;
    this.credit += length;
    this.checkDue();
  }

  /** The peer has sent all of it. */
  end(trailers: Headers | undefined): void {
    this.isEnded = true;
    this.trailers = trailers;
    if (this.sink !== undefined && !this.isFull && this.heldLength === 0) this.tellEnd();
  }

  /** Nothing more comes: the sink hears of it, now or when there is one. */
  fail(error: Error): void {
    if (this.toldEnd || this.failure !== undefined) return;
    this.failure = error;
    const { sink } = this;
    this.sink = undefined;
    this.drop();
    this.isEnded = true;
    try {
      sink?.onError(error);
    } catch (thrown) {
      this.owner.crashed(thrown);
    }
  }

  /** Opens the window by what was taken. */
  update(frames: FrameWriter): void {
    this.isDue = false;
    const { credit } = this;
    if (this.isEnded || credit === 0) return;
    this.credit = 0;
    this.window += credit;
    frames.windowUpdate(this.owner.id, credit);
  }

  private goOn(): void {
    const { heldLength } = this;
    if (heldLength > 0) {
      const { held } = this;
      this.held = none;
      this.heldLength = 0;
      this.windows.heldBytes -= heldLength;
      this.give(held, heldLength === held.length ? held : held.subarray(0, heldLength));
    }
    if (this.isEnded && !this.isFull && this.sink !== undefined) this.tellEnd();
  }

  private give(memory: Buffer, chunk: Buffer): void {
    let flags: number;
    try {
      flags = (this.sink as BodySink).onData(chunk);
    } catch (thrown) {
      this.owner.crashed(thrown);
      return;
    }
    const { length } = chunk;
    if (flags === 0) {
      this.credit += length;
      this.checkDue();
      return;
    }
    if ((flags & Retained) !== 0) this.owner.wire.retain(memory);
    if ((flags & Full) === 0 || this.sink === undefined) this.giveBack(length);
    else {
      this.isFull = true;
      this.lent += length;
      this.windows.heldBytes += length;
    }
  }

  private release(length: number): void {
    if (length === 0) return;
    this.windows.heldBytes -= length;
    this.giveBack(length);
  }

  private checkDue(): void {
    if (this.isDue || this.isEnded || this.window > this.windows.updateAtBytes) return;
    this.isDue = true;
    this.windows.isDue(this);
  }

  private hold(bytes: Buffer, start: number, end: number): void {
    const length = this.heldLength + end - start;
    if (length > this.held.length) {
      const grown = Buffer.allocUnsafe(this.heldLength === 0 ? length : Math.max(length, 2 * this.heldLength));
      this.held.copy(grown, 0, 0, this.heldLength);
      this.held = grown;
    }
    bytes.copy(this.held, this.heldLength, start, end);
    this.heldLength = length;
    this.windows.heldBytes += end - start;
  }

  /** What is kept is of no use any more. */
  private drop(): void {
    const { heldLength, lent } = this;
    this.held = none;
    this.heldLength = 0;
    this.lent = 0;
    this.isFull = false;
    this.release(heldLength + lent);
  }

  private tellEnd(): void {
    const { sink } = this;
    this.toldEnd = true;
    this.sink = undefined;
    try {
      sink?.onEnd(this.trailers);
    } catch (thrown) {
      this.owner.crashed(thrown);
    }
  }
}
