import { type ErrorFlag, WeftError } from "@weftmesh/core";
import { codeName, ErrorCode } from "./frame-types.ts";

const nonRetryable: readonly ErrorFlag[] = ["nonRetryable"];
const retryable: readonly ErrorFlag[] = ["retryable"];
const rejected: readonly ErrorFlag[] = ["rejected", "retryable"];
const interrupted: readonly ErrorFlag[] = ["interrupted", "ignorable"];
const none: readonly ErrorFlag[] = [];

/** A peer broke HTTP/2 in a way that ends the connection, with the code that its GOAWAY carries. */
export class ConnectionFault extends WeftError {
  readonly http2Code: number;

  constructor(http2Code: number, message: string) {
    super("WEFT_PROTOCOL_HTTP2", message, { flags: nonRetryable });
    this.http2Code = http2Code;
  }
}

/** What is answered to a call that gets no response: `RST_STREAM` with this code. */
export class StreamReset {
  readonly http2Code: number;

  constructor(http2Code: number) {
    this.http2Code = http2Code;
  }
}

export interface StreamErrorOptions {
  /** The peer ended the stream; else we did. */
  readonly remote: boolean;
  /** Nothing of the request was processed, so that sending it again is safe. */
  readonly refused?: boolean;
  readonly flags?: readonly ErrorFlag[];
  readonly cause?: unknown;
}

/** A stream ended without a whole message: reset by either side, or left behind by a connection that ended. */
export class StreamError extends WeftError {
  readonly http2Code: number;
  readonly refused: boolean;
  readonly remote: boolean;

  constructor(http2Code: number, message: string, options: StreamErrorOptions) {
    super("WEFT_STREAM_RESET", message, { flags: options.flags ?? flagsOf(http2Code, options), cause: options.cause });
    this.http2Code = http2Code;
    this.refused = options.refused === true;
    this.remote = options.remote;
  }
}

function flagsOf(http2Code: number, { refused, remote }: StreamErrorOptions): readonly ErrorFlag[] {
  if (refused === true) return http2Code === ErrorCode.RefusedStream && remote ? rejected : retryable;
  return http2Code === ErrorCode.ProtocolError && !remote ? nonRetryable : none;
}

/** The client of a server reset its stream: nobody is left to answer. */
export function leftByClient(http2Code: number): StreamError {
  return new StreamError(http2Code, `the client reset its stream with ${codeName(http2Code)}`, {
    remote: true,
    flags: interrupted,
  });
}

/** A server reset the stream of a call. */
export function resetByServer(peer: string, http2Code: number): StreamError {
  const refused = http2Code === ErrorCode.RefusedStream;
  return new StreamError(http2Code, `${peer} reset the stream with ${codeName(http2Code)}`, { remote: true, refused });
}

/** A server goes away and says that it has not processed the stream. */
export function leftBehind(peer: string, http2Code: number): StreamError {
  return new StreamError(http2Code, `${peer} went away (${codeName(http2Code)}) before it processed the request`, {
    remote: true,
    refused: true,
  });
}

/** What a peer sent on a stream is no HTTP message. */
export function malformedMessage(why: string): StreamError {
  return new StreamError(ErrorCode.ProtocolError, why, { remote: false });
}
