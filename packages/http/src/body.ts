import type { Headers } from "./headers.ts";

/** What a sink says of a chunk; flags, to be added up. */
export const Taken = 0;
/** The bytes are still needed after the return: the source must not reuse their memory. */
export const Retained = 1;
/** Send no more until `Flow.resume`. */
export const Full = 2;

/** Where a body goes. `onEnd` or `onError` comes exactly once and last. */
export interface BodySink {
  /** The bytes are the source's again when this returns, unless it answers `Retained`. */
  onData(chunk: Uint8Array): number;
  /** The same for bytes that their source holds as latin1 text. A sink without it is given bytes. */
  onText?(text: string): number;
  /** It takes content by `onSlice` as well. Asked when a body is piped to it. */
  readonly takesSlices?: boolean;
  /** The same for `bytes[start, end)`, of which it retains nothing: its source need make no view. */
  onSlice?(bytes: Uint8Array, start: number, end: number): number;
  onEnd(trailers: Headers | undefined): void;
  onError(error: Error): void;
}

/** The sink's hold on the source. */
export interface Flow {
  resume(): void;
  /** Wants no more of it: the source gives up, and calls nothing of the sink after that. */
  stop(reason: Error): void;
}

/**
 * The content of a message as it arrives. It is piped once; whoever does not want it still pipes it, into `discard`,
 * since a connection behind it waits for its end.
 */
export interface Body {
  /** Bytes in all, where they are known beforehand. */
  readonly length: number | undefined;
  /** True where all of it is here already: nothing that it comes from can fail any more. */
  readonly whole?: boolean;
  /** Starts the flow, whose first calls may come before this returns. */
  pipe(sink: BodySink): Flow;
}

const stopped: Flow = { resume: () => {}, stop: () => {} };

class BytesBody implements Body {
  readonly length: number;
  readonly whole = true;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }

  pipe(sink: BodySink): Flow {
    if (this.#bytes.length > 0 && (sink.onData(this.#bytes) & Full) !== 0) return new HeldEnd(sink);
    sink.onEnd(undefined);
    return stopped;
  }
}

class Latin1Body implements Body {
  readonly length: number;
  readonly whole = true;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    this.length = text.length;
  }

  pipe(sink: BodySink): Flow {
    const said = sink.onText === undefined ? sink.onData(Buffer.from(this.#text, "latin1")) : sink.onText(this.#text);
    if ((said & Full) !== 0) return new HeldEnd(sink);
    sink.onEnd(undefined);
    return stopped;
  }
}

/** The end of a body whose sink was full: it comes with the resume. */
class HeldEnd implements Flow {
  #sink: BodySink | undefined;

  constructor(sink: BodySink) {
    this.#sink = sink;
  }

  resume(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.onEnd(undefined);
  }

  stop(): void {
    this.#sink = undefined;
  }
}

export const emptyBody: Body = new BytesBody(new Uint8Array(0));

export function bytesBody(bytes: Uint8Array): Body {
  return bytes.length === 0 ? emptyBody : new BytesBody(bytes);
}

/** A body of the bytes that `text` holds one a character: what a codec cut out of a text that it made anyway. */
export function latin1Body(text: string): Body {
  return text === "" ? emptyBody : new Latin1Body(text);
}

export function textBody(text: string): Body {
  return bytesBody(Buffer.from(text, "utf8"));
}

/** Takes everything and keeps nothing. */
export const discard: BodySink = { onData: () => Taken, onEnd: () => {}, onError: () => {} };
