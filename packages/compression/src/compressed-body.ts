import type { Deflate, Gzip } from "node:zlib";
import { asError, WeftError } from "@weftmesh/core";
import { type Body, type BodySink, type Flow, Full, type Headers, Retained, Taken } from "@weftmesh/http";
import type { Counter } from "@weftmesh/telemetry";
import type { ContentCoding } from "./content-coding.ts";

/** Loaded when something is compressed for the first time: most proxies never do. */
const nodeZlib = (): typeof import("node:zlib") => process.getBuiltinModule("node:zlib");

export interface CompressionOfBody {
  readonly coding: ContentCoding;
  /** 1 to 9. */
  readonly level: number;
  readonly bytesIn: Counter;
  readonly bytesOut: Counter;
  /** Called once, when nothing is held for the body any more. */
  readonly onOver: () => void;
}

/** A body of known length up to here is compressed at once, in one piece. */
export const wholeBytes = 16_384;

/** The body in the given coding; its length is not known beforehand. It must be piped, as any body. */
export function compressedBody(source: Body, options: CompressionOfBody): Body {
  const { length } = source;
  return length !== undefined && length <= wholeBytes
    ? new WholeCompressed(source, length, options)
    : new StreamCompressed(source, options);
}

/** Waits for all of a short body: a stream of its own would cost more than it saves. */
class WholeCompressed implements Body, BodySink, Flow {
  readonly length: undefined = undefined;
  readonly #source: Body;
  readonly #options: CompressionOfBody;
  readonly #bytes: Buffer;
  #filled = 0;
  #sink: BodySink | undefined;
  #flow: Flow | undefined;

  constructor(source: Body, length: number, options: CompressionOfBody) {
    this.#source = source;
    this.#options = options;
    this.#bytes = Buffer.allocUnsafe(length);
  }

  pipe(sink: BodySink): Flow {
    this.#sink = sink;
    this.#flow = this.#source.pipe(this);
    return this;
  }

  onData(chunk: Uint8Array): number {
    if (this.#filled + chunk.length > this.#bytes.length) {
      this.#giveUp(new WeftError("WEFT_PROTOCOL_FRAMING", "a response body is longer than its length"));
      return Taken;
    }
    this.#bytes.set(chunk, this.#filled);
    this.#filled += chunk.length;
    return Taken;
  }

  onEnd(trailers: Headers | undefined): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    const { coding, level, bytesIn, bytesOut } = this.#options;
    const whole = this.#bytes.subarray(0, this.#filled);
    const made = coding === "gzip" ? nodeZlib().gzipSync(whole, { level }) : nodeZlib().deflateSync(whole, { level });
    bytesIn.inc(whole.length);
    bytesOut.inc(made.length);
    this.#over();
    // The end may come to a sink that is full.
    sink.onData(made);
    sink.onEnd(trailers);
  }

  onError(error: Error): void {
    const sink = this.#sink;
    this.#over();
    sink?.onError(error);
  }

  resume(): void {
    this.#flow?.resume();
  }

  stop(reason: Error): void {
    const wasOpen = this.#sink !== undefined;
    this.#over();
    if (wasOpen) this.#flow?.stop(reason);
  }

  #giveUp(error: Error): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    this.#over();
    this.#flow?.stop(error);
    sink.onError(error);
  }

  #over(): void {
    if (this.#sink === undefined) return;
    this.#sink = undefined;
    this.#options.onOver();
  }
}

/**
 * Compresses as the body comes.
 *
 * Shape: one chunk at a time is with the compressor, and the source waits meanwhile; so it does while the sink is full.
 * When nothing follows within a turn, what was compressed is pushed out, so that a stream of events stays one.
 */
class StreamCompressed implements Body, BodySink, Flow {
  readonly length: undefined = undefined;
  readonly #source: Body;
  readonly #options: CompressionOfBody;
  #sink: BodySink | undefined;
  #flow: Flow | undefined;
  #zlib: Gzip | Deflate | undefined;
  /** Chunks that the compressor has not taken yet. */
  #pending = 0;
  /** Something was compressed since it was last pushed out. */
  #unflushed = false;
  #flushSet = false;
  #ending = false;
  #trailers: Headers | undefined;

  constructor(source: Body, options: CompressionOfBody) {
    this.#source = source;
    this.#options = options;
  }

  pipe(sink: BodySink): Flow {
    const { coding, level } = this.#options;
    const zlib = coding === "gzip" ? nodeZlib().createGzip({ level }) : nodeZlib().createDeflate({ level });
    this.#sink = sink;
    this.#zlib = zlib;
    zlib.on("data", (made: Buffer) => this.#give(made));
    zlib.on("end", () => this.#ended());
    zlib.on("error", (error) => this.#broke(asError(error)));
    this.#flow = this.#source.pipe(this);
    return this;
  }

  onData(chunk: Uint8Array): number {
    if (this.#sink === undefined) return Taken;
    this.#pending++;
    this.#options.bytesIn.inc(chunk.length);
    this.#zlib?.write(chunk, this.#took);
    return Full | Retained;
  }

  onEnd(trailers: Headers | undefined): void {
    if (this.#sink === undefined) return;
    this.#ending = true;
    this.#trailers = trailers;
    this.#zlib?.end();
  }

  onError(error: Error): void {
    const sink = this.#sink;
    this.#over();
    sink?.onError(error);
  }

  resume(): void {
    this.#zlib?.resume();
  }

  stop(reason: Error): void {
    if (this.#sink === undefined) return;
    this.#over();
    this.#flow?.stop(reason);
  }

  readonly #took = (error?: Error | null): void => {
    if (this.#sink === undefined || error != null) return;
    this.#pending--;
    this.#unflushed = true;
    if (this.#pending > 0) return;
    this.#flow?.resume();
    if (this.#flushSet) return;
    this.#flushSet = true;
    // biome-ignore lint/style/noRestrictedGlobals: a turn of the loop, in which the source may go on, and no time
    setImmediate(this.#flushIfQuiet);
  };

  readonly #flushIfQuiet = (): void => {
    this.#flushSet = false;
    if (this.#sink === undefined || this.#ending || this.#pending > 0 || !this.#unflushed) return;
    this.#unflushed = false;
    this.#zlib?.flush(nodeZlib().constants.Z_SYNC_FLUSH);
  };

  #give(made: Buffer): void {
    if (this.#sink === undefined) return;
    this.#options.bytesOut.inc(made.length);
    // The compressor does not use the bytes again, so it is the same whether the sink keeps them.
    if ((this.#sink.onData(made) & Full) !== 0) this.#zlib?.pause();
  }

  #ended(): void {
    const sink = this.#sink;
    this.#over();
    sink?.onEnd(this.#trailers);
  }

  #broke(error: Error): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    this.#over();
    this.#flow?.stop(error);
    sink.onError(error);
  }

  #over(): void {
    if (this.#sink === undefined) return;
    this.#sink = undefined;
    this.#zlib?.destroy();
    this.#options.onOver();
  }
}
