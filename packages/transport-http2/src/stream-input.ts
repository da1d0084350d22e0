import { type Body, type BodySink, type Flow, Full, type Headers, Retained } from "@weftmesh/http";
import type { FrameWire } from "@weftmesh/wire";
import type { FrameWriter } from "./frame-writer.ts";
import type { ReceiveWindows } from "./receive-windows.ts";
import { keep, keepMore, maxSlabContent, release, type Slab } from "./slab.ts";

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
  /** The sink takes slices. */
  private slices = false;
  /** What nobody has taken: in a slab, or in memory of its own. */
  private slab: Slab | undefined = undefined;
  private held: Buffer = none;
  private heldStart = 0;
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
    this.slices = sink.takesSlices === true;
    this.owner.inputPiped();
    this.goOn();
    return this;
  }

  resume(): void {
    if (!this.isFull) return;
    this.isFull = false;
    const { lent } = this;
    this.lent = 0;
    this.takeBack(lent);
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
    if (this.slices) this.giveSlice(bytes, start, end);
    else this.give(bytes, this.owner.wire.chunk(bytes, start, end));
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
    // First: a stream that is reset has its window opened no more.
    this.isEnded = true;
    this.drop();
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
      const { held, slab, heldStart } = this;
      this.held = none;
      this.slab = undefined;
      this.heldStart = 0;
      this.heldLength = 0;
      this.windows.heldBytes -= heldLength;
      if (this.slices) this.giveSlice(held, heldStart, heldStart + heldLength);
      else if (slab === undefined) this.give(held, held.subarray(0, heldLength));
      else {
        // The memory will be another's, and the sink may keep what it is given.
        const own = Buffer.from(held.subarray(heldStart, heldStart + heldLength));
        this.give(own, own);
      }
      if (slab !== undefined) release(slab);
    }
    if (this.isEnded && !this.isFull && this.sink !== undefined) this.tellEnd();
  }

  private giveSlice(bytes: Buffer, start: number, end: number): void {
    let flags: number;
    try {
      flags = (this.sink as Required<BodySink>).onSlice(bytes, start, end);
    } catch (thrown) {
      this.owner.crashed(thrown);
      return;
    }
    this.given(flags, end - start);
  }

  private give(memory: Buffer, chunk: Buffer): void {
    let flags: number;
    try {
      flags = (this.sink as BodySink).onData(chunk);
    } catch (thrown) {
      this.owner.crashed(thrown);
      return;
    }
    if ((flags & Retained) !== 0) this.owner.wire.retain(memory);
    this.given(flags, chunk.length);
  }

  private given(flags: number, length: number): void {
    if ((flags & Full) === 0 || this.sink === undefined) {
      this.credit += length;
      this.checkDue();
    } else {
      this.isFull = true;
      this.lent += length;
      this.windows.heldBytes += length;
    }
  }

  private takeBack(length: number): void {
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
    const more = end - start;
    const before = this.heldLength;
    this.windows.heldBytes += more;
    this.heldLength = before + more;
    if (before === 0 && more <= maxSlabContent) {
      const slab = keep(bytes, start, end);
      this.slab = slab;
      this.held = slab.bytes;
      this.heldStart = slab.end - more;
      return;
    }
    const { slab, heldStart } = this;
    if (slab !== undefined && keepMore(slab, heldStart + before, bytes, start, end)) return;
    if (slab !== undefined || before + more > this.held.length) {
      const grown = Buffer.allocUnsafe(before === 0 ? more : Math.max(before + more, 2 * before));
      this.held.copy(grown, 0, heldStart, heldStart + before);
      if (slab !== undefined) release(slab);
      this.slab = undefined;
      this.held = grown;
      this.heldStart = 0;
    }
    bytes.copy(this.held, before, start, end);
  }

  /** What is kept is of no use any more. */
  private drop(): void {
    const { heldLength, lent, slab } = this;
    if (slab !== undefined) release(slab);
    this.slab = undefined;
    this.held = none;
    this.heldStart = 0;
    this.heldLength = 0;
    this.lent = 0;
    this.isFull = false;
    this.takeBack(heldLength + lent);
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
