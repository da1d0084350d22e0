import { type Body, type BodySink, type Flow, Full, type Headers, Retained, Taken } from "@weftmesh/http";

/**
 * A sink that keeps what it hears, and complains of a source that breaks the rules: nothing may come after the end,
 * the error or a stop.
 */
export class RecordingSink implements BodySink {
  /** What it answers to each chunk besides keeping it; a test may change it at any time. */
  answer: number = Taken;
  ended = false;
  error: Error | undefined = undefined;
  trailers: Headers | undefined = undefined;
  /** Calls that should not have come. */
  readonly late: string[] = [];
  bytes = 0;
  readonly #chunks: Uint8Array[] = [];
  #stopped = false;
  #flow: Flow | undefined;
  readonly #done: Promise<void>;
  #finish: () => void = () => {};

  /** Set before a body is piped here. */
  readonly takesSlices: boolean;

  constructor(takesSlices = false) {
    this.takesSlices = takesSlices;
    this.#done = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** Pipes the body here. */
  static of(body: Body, answer: number = Taken, takesSlices = false): RecordingSink {
    const sink = new RecordingSink(takesSlices);
    sink.answer = answer;
    sink.#flow = body.pipe(sink);
    return sink;
  }

  /** Resolves with the end or the error. */
  get done(): Promise<void> {
    return this.#done;
  }

  get over(): boolean {
    return this.ended || this.error !== undefined;
  }

  onData(chunk: Uint8Array): number {
    if (this.over || this.#stopped) this.late.push("onData");
    this.bytes += chunk.length;
    // A chunk that is answered with `Retained` is ours to look at later; any other must be copied now.
    this.#chunks.push((this.answer & Retained) !== 0 ? chunk : Uint8Array.from(chunk));
    return this.answer;
  }

  onSlice(bytes: Uint8Array, start: number, end: number): number {
    return this.onData(bytes.slice(start, end)) & ~Retained;
  }

  onEnd(trailers: Headers | undefined): void {
    if (this.over || this.#stopped) this.late.push("onEnd");
    this.ended = true;
    this.trailers = trailers;
    this.#finish();
  }

  onError(error: Error): void {
    if (this.over || this.#stopped) this.late.push("onError");
    this.error = error;
    this.#finish();
  }

  /** Takes up the flow again, and asks for no more pauses. */
  resume(): void {
    this.answer &= ~Full;
    this.#flow?.resume();
  }

  stop(reason: Error): void {
    this.#stopped = true;
    this.#flow?.stop(reason);
  }

  content(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  text(): string {
    return this.content().toString("utf8");
  }
}
