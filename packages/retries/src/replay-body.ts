import { type Body, type BodySink, BodyTooLongError, copyBytes, type Flow, type Headers, Taken } from "@weftmesh/http";
import { type BodyHolder, type Kept, KeptView } from "./kept-view.ts";

/**
 * A short body that is kept as it comes, so that it can be sent more than once.
 *
 * Shape: the source is read once, when the first attempt wants it, and without pauses, since all of it fits in memory
 * that was set aside; each attempt reads what there is at its own pace. That an attempt wants no more of it does not
 * stop the source, as long as another attempt may come.
 * Cost: `length` bytes, and one copy of them.
 */
export class ReplayBody implements BodySink, Kept {
  readonly length: number;
  readonly bytes: Buffer;
  filled = 0;
  over = false;
  trailers: Headers | undefined = undefined;
  error: Error | undefined = undefined;
  readonly #holder: BodyHolder;
  readonly #source: Body;
  #flow: Flow | undefined = undefined;
  #view: KeptView;
  #piped = false;
  #settled = false;
  /** Why the source is to stop, which it may have to be told while it is still being piped. */
  #stopReason: Error | undefined = undefined;

  constructor(holder: BodyHolder, length: number) {
    this.#holder = holder;
    this.#source = holder.body;
    this.length = length;
    this.bytes = Buffer.allocUnsafe(length);
    this.#view = new KeptView(this);
    holder.body = this.#view;
  }

  /** A source that broke would break every attempt. */
  get possible(): boolean {
    return this.error === undefined;
  }

  again(): void {
    this.#view.abandon();
    this.#view = new KeptView(this);
    this.#holder.body = this.#view;
  }

  settle(): void {
    this.#settled = true;
    if (this.#view.stopReason !== undefined) this.#stopSource(this.#view.stopReason);
  }

  /** The present attempt wants the body. */
  start(): void {
    if (this.#piped) return;
    this.#piped = true;
    this.#flow = this.#source.pipe(this);
    if (this.#stopReason !== undefined) this.#flow.stop(this.#stopReason);
  }

  drained(): void {}

  stopped(view: KeptView, reason: Error): void {
    if (this.#settled && view === this.#view) this.#stopSource(reason);
  }

  get takesSlices(): boolean {
    return true;
  }

  onData(chunk: Uint8Array): number {
    return this.onSlice(chunk, 0, chunk.length);
  }

  onSlice(bytes: Uint8Array, start: number, end: number): number {
    if (this.over) return Taken;
    if (this.filled + end - start > this.length) {
      // It is longer than it said: what is broken is not sent, and not sent again.
      const error = new BodyTooLongError(this.length);
      this.#stopReason = error;
      this.onError(error);
      this.#flow?.stop(error);
      return Taken;
    }
    copyBytes(bytes, start, end, this.bytes, this.filled);
    this.filled += end - start;
    this.#view.pump();
    return Taken;
  }

  onEnd(trailers: Headers | undefined): void {
    if (this.over) return;
    this.over = true;
    this.trailers = trailers;
    this.#view.pump();
  }

  onError(error: Error): void {
    if (this.over) return;
    this.over = true;
    this.error = error;
    this.#view.pump();
  }

  #stopSource(reason: Error): void {
    if (this.over) return;
    this.over = true;
    this.error = reason;
    this.#stopReason = reason;
    this.#flow?.stop(reason);
  }
}
