import { WeftError } from "@weftmesh/core";
import type { PathSyntaxError } from "@weftmesh/naming";

/** No identifier gave the request a name, or one of them failed. */
export class UnidentifiedError extends WeftError {
  readonly reason: string;

  /** `cause` is what an identifier threw, which ends the search as well. */
  constructor(request: string, reason: string, cause?: Error) {
    super("WEFT_UNIDENTIFIED", `Unknown destination: ${request} / ${reason}`, {
      flags: ["naming", "nonRetryable"],
      ...(cause === undefined ? {} : { cause }),
    });
    this.reason = reason;
  }
}

/** A request's own delegations do not parse; the message says where. */
export class DtabHeaderError extends WeftError {
  constructor(cause: PathSyntaxError) {
    super("WEFT_DTAB_HEADER", cause.message, {
      flags: ["naming", "nonRetryable"],
      cause,
    });
  }
}

/** The request has passed through too many proxies. */
export class CallDepthError extends WeftError {
  constructor(maxCallDepth: number) {
    super(
      "WEFT_CALL_DEPTH",
      `Maximum number of calls (${maxCallDepth}) has been exceeded. Please check for proxy loops.`,
      { flags: ["nonRetryable"] },
    );
  }
}

/** A request's body is longer than what is held in memory: `streamingEnabled: false`. */
export class RequestTooLongError extends WeftError {
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super("WEFT_REQUEST_TOO_LONG", `the body of the request is longer than ${maxBytes} bytes`, {
      flags: ["nonRetryable", "ignorable"],
    });
    this.maxBytes = maxBytes;
  }
}
