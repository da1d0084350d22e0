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
  /** What a view has not had yet; undefined when it had all that is here. The bytes stay as they are for good. */
  from(given: number): Uint8Array | undefined;
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

  give(chunk: Uint8Array): number {
    const said = (this.#sink as BodySink).onData(chunk);
    if ((said & Full) !== 0) this.#full = true;
    return said;
  }

  /** Gives what is here, and then the end. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const { kept } = this;
    for (let rest = kept.from(this.given); rest !== undefined; rest = kept.from(this.given)) {
      if (this.#sink === undefined || this.#full) break;
      this.given += rest.length;
      // The bytes stay as they are for good, so that it makes no difference whether the sink retains them.
      this.#full = (this.#sink.onData(rest) & Full) !== 0;
    }
    this.#pumping = false;
    const sink = this.#sink;
    if (sink === undefined || this.#full || kept.from(this.given) !== undefined) return;
    if (!kept.over) {
      kept.drained(this);
      return;
    }
    this.#sink = undefined;
    if (kept.error === undefined) sink.onEnd(kept.trailers);
    else sink.onError(kept.error);
  }
}
