import { type Body, type BodySink, BodyTooLongError, type Flow, Full, type Headers, Taken } from "@weftmesh/http";
import { RetriedError } from "./errors.ts";
import type { Resend } from "./retry-protocol.ts";

/** Where a request's body stands, for whoever replaces it. */
export interface BodyHolder {
  body: Body;
}

/**
 * A short body that is kept as it comes, so that it can be sent more than once.
 *
 * Shape: the source is read once, when the first attempt wants it, and without pauses, since all of it fits in memory
 * that was set aside; each attempt reads what there is at its own pace. That an attempt wants no more of it does not
 * stop the source, as long as another attempt may come.
 * Cost: `length` bytes, and one copy of them.
 */
export class ReplayBody implements BodySink, Resend {
  readonly length: number;
  readonly bytes: Buffer;
  /** Bytes that have come. */
  arrived = 0;
  over = false;
  trailers: Headers | undefined = undefined;
  error: Error | undefined = undefined;
  readonly #holder: BodyHolder;
  readonly #source: Body;
  #flow: Flow | undefined = undefined;
  #view: ReplayView;
  #piped = false;
  #settled = false;
  /** Why the source is to stop, which it may have to be told while it is still being piped. */
  #stopReason: Error | undefined = undefined;

  constructor(holder: BodyHolder, length: number) {
    this.#holder = holder;
    this.#source = holder.body;
    this.length = length;
    this.bytes = Buffer.allocUnsafe(length);
    this.#view = new ReplayView(this);
    holder.body = this.#view;
  }

  /** A source that broke would break every attempt. */
  get possible(): boolean {
    return this.error === undefined;
  }

  again(): void {
    this.#view.abandon();
    this.#view = new ReplayView(this);
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

  stopped(view: ReplayView, reason: Error): void {
    if (this.#settled && view === this.#view) this.#stopSource(reason);
  }

  onData(chunk: Uint8Array): number {
    if (this.over) return Taken;
    if (this.arrived + chunk.length > this.length) {
      // It is longer than it said: what is broken is not sent, and not sent again.
      const error = new BodyTooLongError(this.length);
      this.#stopReason = error;
      this.onError(error);
      this.#flow?.stop(error);
      return Taken;
    }
    this.bytes.set(chunk, this.arrived);
    this.arrived += chunk.length;
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

/** The body as one attempt sees it. */
export class ReplayView implements Body, Flow {
  readonly replay: ReplayBody;
  /** Why the attempt wants no more of it. */
  stopReason: Error | undefined = undefined;
  #sink: BodySink | undefined = undefined;
  #given = 0;
  #full = false;
  #pumping = false;

  constructor(replay: ReplayBody) {
    this.replay = replay;
  }

  get length(): number {
    return this.replay.length;
  }

  pipe(sink: BodySink): Flow {
    this.#sink = sink;
    this.replay.start();
    this.pump();
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
    this.replay.stopped(this, reason);
  }

  /** The request is sent again: a peer that has not got all of it will not get the rest. */
  abandon(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.onError(new RetriedError());
  }

  /** Gives what has come, and then the end. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const { replay } = this;
    while (this.#sink !== undefined && !this.#full && this.#given < replay.arrived) {
      const chunk = replay.bytes.subarray(this.#given, replay.arrived);
      this.#given = replay.arrived;
      // The bytes stay as they are for good, so that it makes no difference whether the sink retains them.
      this.#full = (this.#sink.onData(chunk) & Full) !== 0;
    }
    this.#pumping = false;
    const sink = this.#sink;
    if (sink === undefined || this.#full || !replay.over || this.#given < replay.arrived) return;
    this.#sink = undefined;
    if (replay.error === undefined) sink.onEnd(replay.trailers);
    else sink.onError(replay.error);
  }
}
