import { type ErrorFlag, WeftError } from "@weftmesh/core";
import { Http2Code } from "./http2-code.ts";

const nonRetryable: readonly ErrorFlag[] = ["nonRetryable"];
const retryable: readonly ErrorFlag[] = ["retryable"];
const rejected: readonly ErrorFlag[] = ["rejected", "retryable"];
const none: readonly ErrorFlag[] = [];

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
  if (refused === true) return http2Code === Http2Code.RefusedStream && remote ? rejected : retryable;
  return http2Code === Http2Code.ProtocolError && !remote ? nonRetryable : none;
}
