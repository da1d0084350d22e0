import { type Body, type BodySink, copyBytes, type Flow, Full, type Headers, Retained, Taken } from "@weftmesh/http";
import { type BodyHolder, type Kept, KeptView } from "./kept-view.ts";

/**
 * A body of any length whose beginning is kept as it comes: a request's, so that it can be sent again, or a response's,
 * until somebody has seen enough of it to judge it.
 *
 * Shape: up to `maxBytes` are read without pauses and kept. Once there are more, or it is settled, nothing further is
 * kept: a view is given what is here, and then each chunk as the source brings it, with the sink's pauses. One view at a
 * time; an abandoned one hears no more but its error.
 * Cost: one copy of what is kept, in a buffer that grows with it; beyond that a call per chunk.
 */
export class KeptStream implements BodySink, Kept {
  readonly length: number | undefined;
  /** The source has ended or failed. */
  over = false;
  /** There was more than may be kept. */
  tooLong = false;
  error: Error | undefined = undefined;
  trailers: Headers | undefined = undefined;
  /** Told once, when the source is over or has brought more than may be kept. */
  onKnown: (() => void) | undefined = undefined;
  bytes: Buffer | undefined = undefined;
  filled = 0;
  readonly #holder: BodyHolder;
  readonly #source: Body;
  readonly #maxBytes: number;
  #flow: Flow | undefined = undefined;
  #view: KeptView;
  #piped = false;
  #settled = false;
  /** The source was told to wait. */
  #paused = false;
  /** It may go on, which it has to be told when it has been piped. */
  #resumeDue = false;
  #stopReason: Error | undefined = undefined;

  constructor(holder: BodyHolder, maxBytes: number) {
    this.#holder = holder;
    this.#source = holder.body;
    this.length = holder.body.length;
    this.#maxBytes = maxBytes;
    this.#view = new KeptView(this);
    holder.body = this.#view;
  }

  get possible(): boolean {
    return !this.tooLong && this.error === undefined;
  }

  again(): void {
    this.#view.abandon();
    this.#view = new KeptView(this);
    this.#holder.body = this.#view;
  }

  settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    if (this.#view.stopReason !== undefined) this.#stopSource(this.#view.stopReason);
    this.#letGo();
  }

  /** Begins to read. */
  start(): void {
    if (this.#piped) return;
    this.#piped = true;
    this.#flow = this.#source.pipe(this);
    if (this.#stopReason !== undefined) this.#flow.stop(this.#stopReason);
    else if (this.#resumeDue) this.#flow.resume();
  }

  /** Nobody wants any of it. */
  drop(reason: Error): void {
    this.#view.stopReason ??= reason;
    this.#settled = true;
    this.bytes = undefined;
    this.filled = 0;
    this.#stopSource(reason);
  }

  get takesSlices(): boolean {
    return this.#view.takesSlices;
  }

  onData(chunk: Uint8Array): number {
    return this.#passes(chunk, 0, chunk.length) ? this.#passed(this.#view.give(chunk)) : this.#kept();
  }

  onSlice(bytes: Uint8Array, start: number, end: number): number {
    if (!this.#passes(bytes, start, end)) return this.#kept();
    const view = this.#view;
    if (view.takesSlices) return this.#passed(view.giveSlice(bytes, start, end));
    // Another attempt, whose sink may retain what it is given.
    return this.#passed(view.give(Buffer.from(bytes.subarray(start, end)))) & ~Retained;
  }

  /** Whether the bytes are to go straight to the sink. Else they are kept, or nobody wants them. */
  #passes(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.over) return false;
    const view = this.#view;
    if (this.#keeps) {
      if (this.filled + end - start <= this.#maxBytes) {
        this.#keep(bytes, start, end);
        view.pump();
        return false;
      }
      this.tooLong = true;
      view.pump();
      this.#known();
    }
    if (view.takes(this.filled)) {
      this.#letGo();
      return true;
    }
    this.#keep(bytes, start, end);
    this.#paused = true;
    return false;
  }

  #passed(flags: number): number {
    if ((flags & Full) !== 0) this.#paused = true;
    return flags;
  }

  #kept(): number {
    return this.#paused && !this.over ? Full : Taken;
  }

  onEnd(trailers: Headers | undefined): void {
    if (this.over) return;
    this.over = true;
    this.trailers = trailers;
    this.#view.pump();
    this.#known();
  }

  onError(error: Error): void {
    if (this.over) return;
    this.over = true;
    this.error = error;
    this.#view.pump();
    this.#known();
  }

  drained(view: KeptView): void {
    if (view !== this.#view || this.#keeps || this.over) return;
    this.#letGo();
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#flow === undefined) this.#resumeDue = true;
    else this.#flow.resume();
  }

  stopped(view: KeptView, reason: Error): void {
    if (this.#settled && view === this.#view) this.#stopSource(reason);
  }

  get #keeps(): boolean {
    return !this.#settled && !this.tooLong;
  }

  #known(): void {
    const told = this.onKnown;
    this.onKnown = undefined;
    told?.();
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.filled + end - start;
    if (this.bytes === undefined || needed > this.bytes.length) {
      const larger = Buffer.allocUnsafe(this.filled === 0 ? needed : Math.max(needed, this.filled * 2));
      this.bytes?.copy(larger, 0, 0, this.filled);
      this.bytes = larger;
    }
    copyBytes(bytes, start, end, this.bytes, this.filled);
    this.filled = needed;
  }

  /** No view will ask for what this one has had. */
  #letGo(): void {
    if (this.#keeps || !this.#view.takes(this.filled)) return;
    this.bytes = undefined;
    this.filled = 0;
    this.#view.given = 0;
  }

  #stopSource(reason: Error): void {
    if (this.over) return;
    this.over = true;
    this.error = reason;
    this.#stopReason = reason;
    this.#flow?.stop(reason);
  }
}
