import { type Body, type BodySink, discard, type Flow, Full, type Headers, Retained } from "@weftmesh/http";
import type { Wire } from "@weftmesh/wire";
import type { ChunkedDecoder } from "./chunked.ts";

/** The connection that a body comes in on. */
export interface BodyOwner {
  /** Somebody piped the body, or takes more of it again: bytes that were held back may be given to `take` now. */
  bodyWanted(): void;
  /** The sink wants no more of it. */
  bodyStopped(reason: Error): void;
  /** All of it was taken, up to `next` in the bytes that `take` was given; the sink hears of it when this returns. */
  bodyEnded(next: number): void;
}

/** How the end of a body is known: by its length, by its last chunk, or by the end of the connection. */
export type BodyFraming = number | ChunkedDecoder | "untilClose";

/**
 * The content of a message that a wire brings.
 *
 * Shape: one object per message with a body. Its connection offers it bytes with `take`, which takes none of them while
 * nobody has piped the body or the sink is full: the connection then holds them back and pauses the wire.
 */
export class IncomingBody implements Body, Flow {
  readonly length: number | undefined;
  /** Bytes of content that were handed on. */
  taken = 0;
  /** It ended well. */
  done = false;

  private readonly owner: BodyOwner;
  private readonly decoder: ChunkedDecoder | undefined;
  /** Bytes that are still to come, where that is known. */
  private remaining: number;
  private sink: BodySink | undefined = undefined;
  private isPiped = false;
  private isFull = false;
  private failure: Error | undefined = undefined;

  constructor(owner: BodyOwner, framing: BodyFraming) {
    this.owner = owner;
    this.decoder = typeof framing === "object" ? framing : undefined;
    this.length = typeof framing === "number" ? framing : undefined;
    this.remaining = typeof framing === "number" ? framing : Number.POSITIVE_INFINITY;
  }

  get piped(): boolean {
    return this.isPiped;
  }

  /** The sink gave up, or nothing more comes for another reason. */
  get over(): boolean {
    return this.done || this.failure !== undefined || (this.isPiped && this.sink === undefined);
  }

  /** `take` would take bytes now. */
  get wanted(): boolean {
    return this.sink !== undefined && !this.isFull;
  }

  pipe(sink: BodySink): Flow {
    if (this.isPiped) throw new TypeError("a body is piped once");
    this.isPiped = true;
    if (this.failure !== undefined) {
      sink.onError(this.failure);
      return this;
    }
    this.sink = sink;
    this.owner.bodyWanted();
    return this;
  }

  resume(): void {
    if (!this.isFull) return;
    this.isFull = false;
    if (this.sink !== undefined) this.owner.bodyWanted();
  }

  stop(reason: Error): void {
    if (this.sink === undefined) return;
    this.sink = undefined;
    this.owner.bodyStopped(reason);
  }

  /** Takes the rest, wherever it was, and drops it. */
  drain(): void {
    if (this.done || this.failure !== undefined) return;
    this.isPiped = true;
    this.isFull = false;
    this.sink = discard;
  }

  /** Takes what it can of `bytes[start, end)` and says how far it came; `done` tells whether that was all of the body. */
  take(wire: Wire, bytes: Buffer, start: number, end: number): number {
    const { decoder } = this;
    if (!this.wanted) return start;
    if (decoder === undefined) {
      const next = end - start < this.remaining ? end : start + this.remaining;
      this.remaining -= next - start;
      if (next > start) this.give(wire, bytes, start, next);
      if (this.remaining === 0) this.finish(undefined, next);
      return next;
    }
    const next = decoder.decode(bytes, start, end);
    if (decoder.dataEnd > decoder.dataStart) this.give(wire, bytes, decoder.dataStart, decoder.dataEnd);
    if (decoder.error !== undefined) this.fail(decoder.error);
    else if (decoder.done) this.finish(decoder.trailers, next);
    return next;
  }

  /** The connection ended: well, for a body that ends with it, and with the error otherwise. */
  close(error: Error): void {
    if (this.length === undefined && this.decoder === undefined) this.finish(undefined, 0);
    else this.fail(error);
  }

  /** Nothing more comes: the sink hears of the error, now or when there is one. */
  fail(error: Error): void {
    if (this.done || this.failure !== undefined) return;
    this.failure = error;
    const { sink } = this;
    this.sink = undefined;
    sink?.onError(error);
  }

  /** Why nothing more comes. */
  get error(): Error | undefined {
    return this.failure;
  }

  private give(wire: Wire, bytes: Buffer, start: number, end: number): void {
    this.taken += end - start;
    const flags = (this.sink as BodySink).onData(wire.chunk(bytes, start, end));
    if (flags === 0) return;
    if ((flags & Retained) !== 0) wire.retain(bytes);
    if ((flags & Full) !== 0) this.isFull = true;
  }

  private finish(trailers: Headers | undefined, next: number): void {
    const { sink } = this;
    // The sink may have stopped it, or it may have failed, within its last `onData`.
    if (this.failure !== undefined || this.done) return;
    this.done = true;
    this.sink = undefined;
    this.owner.bodyEnded(next);
    sink?.onEnd(trailers);
  }
}
