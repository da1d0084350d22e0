import { type Body, type BodySink, discard, type Flow, type Headers } from "@weftmesh/http";

/** Who watches a body. */
export interface BodyWatch {
  /** Bytes went by. */
  moved(): void;
  /** The source is piped, and has more to come. */
  began(): void;
  /** No more will come of what began. */
  over(): void;
}

/**
 * A body that can be ended from outside, and tells of what goes by.
 *
 * Cost: one object per body; chunks are not copied. What comes whole within `pipe` is not told of.
 */
export class GuardedBody implements Body, BodySink, Flow {
  readonly #source: Body;
  readonly #watch: BodyWatch;
  #sink: BodySink = discard;
  #flow: Flow | undefined;
  #begun = false;
  #over = false;
  /** Why it was cut before anybody piped it. */
  #cut: Error | undefined;

  constructor(source: Body, watch: BodyWatch) {
    this.#source = source;
    this.#watch = watch;
  }

  get length(): number | undefined {
    return this.#source.length;
  }

  pipe(sink: BodySink): Flow {
    if (this.#cut !== undefined) {
      this.#source.pipe(discard).stop(this.#cut);
      sink.onError(this.#cut);
      return this;
    }
    this.#sink = sink;
    const flow = this.#source.pipe(this);
    if (this.#over) return this;
    this.#flow = flow;
    this.#begun = true;
    this.#watch.began();
    return this;
  }

  onData(chunk: Uint8Array): number {
    if (this.#begun) this.#watch.moved();
    return this.#sink.onData(chunk);
  }

  onText(text: string): number {
    if (this.#begun) this.#watch.moved();
    const sink = this.#sink;
    return sink.onText === undefined ? sink.onData(Buffer.from(text, "latin1")) : sink.onText(text);
  }

  onEnd(trailers: Headers | undefined): void {
    this.#finish();
    this.#sink.onEnd(trailers);
  }

  onError(error: Error): void {
    this.#finish();
    this.#sink.onError(error);
  }

  resume(): void {
    if (!this.#over) this.#flow?.resume();
  }

  stop(reason: Error): void {
    if (this.#over) return;
    this.#finish();
    this.#flow?.stop(reason);
  }

  /** Ends it for both sides, unless it is over. The source lets go of its connection before the sink hears of it. */
  cut(error: Error): void {
    if (this.#over) return;
    this.#finish();
    if (!this.#begun) {
      this.#cut = error;
      return;
    }
    this.#flow?.stop(error);
    this.#sink.onError(error);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#begun) this.#watch.over();
  }
}
