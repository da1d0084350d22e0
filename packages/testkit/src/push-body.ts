import { type Body, type BodySink, type Flow, Full, type Headers } from "@weftmesh/http";

/**
 * A body that a test feeds by hand.
 *
 * Shape: what is pushed before anybody pipes is kept; afterwards it goes straight to the sink, whatever the sink
 * answered before. `full` tells that the sink asked for a pause and has not resumed. A sink that takes slices is given
 * them out of memory that holds something else afterwards.
 */
export class PushBody implements Body {
  readonly length: number | undefined;
  /** The reason with which the sink gave up. */
  stopped: Error | undefined = undefined;
  /** Bytes that the sink was given. */
  sent = 0;
  #full = false;
  #sink: BodySink | undefined;
  #piped = false;
  #slices = false;
  readonly #held: ((sink: BodySink) => void)[] = [];
  #resumed: (() => void)[] = [];

  constructor(length?: number) {
    this.length = length;
  }

  get full(): boolean {
    return this.#full;
  }

  get piped(): boolean {
    return this.#piped;
  }

  pipe(sink: BodySink): Flow {
    if (this.#piped) throw new TypeError("a body is piped once");
    this.#piped = true;
    this.#sink = sink;
    this.#slices = sink.takesSlices === true;
    for (const event of this.#held.splice(0)) if (this.#sink !== undefined) event(sink);
    return {
      resume: () => {
        this.#full = false;
        for (const waiting of this.#resumed.splice(0)) waiting();
      },
      stop: (reason) => {
        this.stopped ??= reason;
        this.#sink = undefined;
        for (const waiting of this.#resumed.splice(0)) waiting();
      },
    };
  }

  push(chunk: Uint8Array): void {
    this.#do((sink) => {
      this.sent += chunk.length;
      if (((this.#slices ? giveSlice(sink as Required<BodySink>, chunk) : sink.onData(chunk)) & Full) !== 0)
        this.#full = true;
    });
  }

  end(trailers?: Headers): void {
    this.#do((sink) => {
      this.#sink = undefined;
      sink.onEnd(trailers);
    });
  }

  fail(error: Error): void {
    this.#do((sink) => {
      this.#sink = undefined;
      sink.onError(error);
    });
  }

  /** Resolves when the sink takes more, or wants none of it any more. */
  async writable(): Promise<void> {
    if (this.#full && this.stopped === undefined) await new Promise<void>((resolve) => this.#resumed.push(resolve));
  }

  #do(event: (sink: BodySink) => void): void {
    if (this.#sink !== undefined) event(this.#sink);
    else if (!this.#piped) this.#held.push(event);
  }
}

function giveSlice(sink: Required<BodySink>, chunk: Uint8Array): number {
  const memory = new Uint8Array(chunk.length + 4);
  memory.set(chunk, 3);
  const said = sink.onSlice(memory, 3, 3 + chunk.length);
  memory.fill(0xff);
  return said;
}
