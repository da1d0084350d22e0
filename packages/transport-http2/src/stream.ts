import { asError } from "@weftmesh/core";
import { type Body, type Headers, StreamError } from "@weftmesh/http";
import type { FrameWire } from "@weftmesh/wire";
import { malformedMessage } from "./errors.ts";
import { ErrorCode } from "./frame-types.ts";
import type { StreamHost } from "./stream-host.ts";
import type { InputOwner, StreamInput } from "./stream-input.ts";
import { StreamOutput } from "./stream-output.ts";

/**
 * One exchange on a connection: what comes in, and what goes out.
 *
 * Shape: its state in the terms of RFC 9113 section 5.1 is what `remoteEnded` and `outputOver` say together; it is
 * closed when it is `gone`, and then nothing of it is in the connection any more.
 */
export abstract class Stream extends StreamOutput implements InputOwner {
  readonly host: StreamHost;
  /** The content that comes in; undefined until there may be some. */
  input: StreamInput | undefined = undefined;
  /** The peer has sent END_STREAM. */
  remoteEnded = false;
  gone = false;

  constructor(id: number, host: StreamHost) {
    super(id, host.sending, host.peer.initialWindowBytes);
    this.host = host;
  }

  get wire(): FrameWire {
    return this.host.wire;
  }

  /** The peer reset it, or the connection ended: it is gone already. */
  abstract lost(error: Error): void;
  /** What came on it is wrong, or could not be handled: it is to be reset with the code. */
  abstract broke(error: Error, http2Code: number): void;
  /** The peer has sent all of its message. */
  protected abstract inputEnded(): void;
  abstract inputPiped(): void;
  abstract inputStopped(reason: Error): void;

  content(bytes: Buffer, start: number, end: number): void {
    const input = this.input as StreamInput;
    if (input.length !== undefined && input.received + end - start > input.length) {
      this.broke(malformedMessage("a body is longer than its content-length"), ErrorCode.ProtocolError);
      return;
    }
    input.take(bytes, start, end);
  }

  /** END_STREAM came, with trailers or without. */
  remoteEnd(trailers: Headers | undefined): void {
    const { input } = this;
    if (input === undefined) {
      this.remoteEnded = true;
      this.inputEnded();
      return;
    }
    if (input.length !== undefined && input.received !== input.length) {
      this.broke(malformedMessage("a body is shorter than its content-length"), ErrorCode.ProtocolError);
      return;
    }
    this.remoteEnded = true;
    input.end(trailers);
    if (!this.gone) this.inputEnded();
  }

  /** A sink, a source or an observer threw where it may not: that costs its stream, and nobody else's. */
  crashed(thrown: unknown): void {
    if (this.gone) return;
    const cause = asError(thrown);
    const error = new StreamError(ErrorCode.InternalError, `a stream broke: ${cause.message}`, {
      remote: false,
      cause,
    });
    this.broke(error, ErrorCode.InternalError);
  }

  /** Sends a body of no known length: one way of a tunnel. */
  protected sendOpen(outgoing: Body): void {
    this.expect(undefined);
    this.take(outgoing.pipe(this));
  }

  protected writeTrailers(trailers: Headers): void {
    const { encoder, frames } = this.host;
    encoder.begin();
    encoder.headers(trailers);
    frames.headers(this.id, true, encoder, this);
  }
}
