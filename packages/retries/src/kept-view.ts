import { type Body, type BodySink, type Flow, Full, type Headers } from "@weftmesh/http";
import { RetriedError } from "./errors.ts";
import type { Resend } from "./retry-protocol.ts";

/** Where a body stands, for whoever replaces it. */
export interface BodyHolder {
  body: Body;
}

/** What is kept of a body, as its views ask for it. */
export interface Kept extends Resend {
  readonly length: number | undefined;
  /** The source has ended or failed. */
  readonly over: boolean;
  readonly error: Error | undefined;
  readonly trailers: Headers | undefined;
  /** Begins to read the source; again and again without effect. */
  start(): void;
  /** What is here, as far as `filled`: these bytes stay as they are for good. Undefined while there are none. */
  readonly bytes: Uint8Array | undefined;
  readonly filled: number;
  /** A view has had all that is here, and can take more. */
  drained(view: KeptView): void;
  /** A view wants no more. */
  stopped(view: KeptView, reason: Error): void;
}

/** The body as one attempt, or the caller, sees it. */
export class KeptView implements Body, Flow {
  readonly kept: Kept;
  stopReason: Error | undefined = undefined;
  /** Of what is kept, how much the sink has had. */
  given = 0;
  #sink: BodySink | undefined = undefined;
  #full = false;
  #pumping = false;

  constructor(kept: Kept) {
    this.kept = kept;
  }

  get length(): number | undefined {
    return this.kept.length;
  }

  pipe(sink: BodySink): Flow {
    this.#sink = sink;
    this.pump();
    this.kept.start();
    return this;
  }

  resume(): void {
    this.#full = false;
    this.pump();
  }

  stop(reason: Error): void {
    if (this.stopReason !== undefined) return;
    this.stopReason = reason;
    this.#sink = undefined;
    this.kept.stopped(this, reason);
  }

  /** The request is sent again: a peer that has not got all of it will not get the rest. */
  abandon(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.onError(new RetriedError());
  }

  /** Whether the next chunk may go straight to the sink. */
  takes(filled: number): boolean {
    return this.#sink !== undefined && !this.#full && !this.#pumping && this.given === filled;
  }

  get takesSlices(): boolean {
    return this.#sink?.takesSlices === true;
  }

  /** As `BodySink.onData`. */
  give(chunk: Uint8Array): number {
    return this.#said((this.#sink as BodySink).onData(chunk));
  }

  /** As `BodySink.onSlice`, for a sink that takes slices. */
  giveSlice(bytes: Uint8Array, start: number, end: number): number {
    return this.#said((this.#sink as Required<BodySink>).onSlice(bytes, start, end));
  }

  #said(flags: number): number {
    if ((flags & Full) !== 0) this.#full = true;
    return flags;
  }

  /** Gives what is here, and then the end. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const { kept } = this;
    while (this.#sink !== undefined && !this.#full && this.given < kept.filled) {
      const start = this.given;
      const bytes = kept.bytes as Uint8Array;
      this.given = kept.filled;
      // Since the bytes stay, it makes no difference whether the sink retains them.
      if (this.takesSlices) this.giveSlice(bytes, start, this.given);
      else this.give(bytes.subarray(start, this.given));
    }
    this.#pumping = false;
    const sink = this.#sink;
    if (sink === undefined || this.#full || this.given < kept.filled) return;
    if (!kept.over) {
      kept.drained(this);
      return;
    }
    this.#sink = undefined;
    if (kept.error === undefined) sink.onEnd(kept.trailers);
    else sink.onError(kept.error);
  }
}
