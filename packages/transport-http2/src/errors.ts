import { type ErrorFlag, WeftError } from "@weftmesh/core";
import { StreamError } from "@weftmesh/http";
import { codeName, ErrorCode } from "./frame-types.ts";

const nonRetryable: readonly ErrorFlag[] = ["nonRetryable"];
const interrupted: readonly ErrorFlag[] = ["interrupted", "ignorable"];

/** A peer broke HTTP/2 in a way that ends the connection, with the code that its GOAWAY carries. */
export class ConnectionFault extends WeftError {
  readonly http2Code: number;

  constructor(http2Code: number, message: string) {
    super("WEFT_PROTOCOL_HTTP2", message, { flags: nonRetryable });
    this.http2Code = http2Code;
  }
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
