import { type ErrorFlag, WeftError } from "@weftmesh/core";

const flags: readonly ErrorFlag[] = ["nonRetryable"];

/** A peer broke HTTP/1.1, or went past a limit. `status` is what a server answers it with. */
export class ProtocolError extends WeftError {
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(code, message, { flags });
    this.status = status;
  }
}

/** The message is not HTTP/1.1: answered with 400. */
export function malformed(message: string): ProtocolError {
  return new ProtocolError("WEFT_PROTOCOL_MALFORMED", message);
}

/** Where the message ends cannot be told for certain: answered with 400. */
export function badFraming(message: string): ProtocolError {
  return new ProtocolError("WEFT_PROTOCOL_FRAMING", message);
}

/** The first line is longer than its limit: answered with 414. */
export function lineTooLong(maxBytes: number): ProtocolError {
  return new ProtocolError("WEFT_PROTOCOL_LINE_TOO_LONG", `the first line is longer than ${maxBytes} bytes`, 414);
}

/** The headers go past a limit: answered with 431. */
export function headersTooLarge(message: string): ProtocolError {
  return new ProtocolError("WEFT_PROTOCOL_HEADERS_TOO_LARGE", message, 431);
}

/** The peer was too slow: answered with 408 where an answer has not begun. */
export function tooSlow(message: string): ProtocolError {
  return new ProtocolError("WEFT_PROTOCOL_TOO_SLOW", message, 408);
}

/** The connection ended before the message did. */
export function truncated(message: string): ProtocolError {
  return new ProtocolError("WEFT_PROTOCOL_TRUNCATED", message);
}
