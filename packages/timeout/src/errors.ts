import { type ErrorFlag, WeftError } from "@weftmesh/core";
import { showDuration } from "./show-duration.ts";

const deadlineExceeded: readonly ErrorFlag[] = ["deadlineExceeded"];

/** What every timeout tells: how long it waited, which a deadline that came with the call may have made shorter. */
export abstract class TimeoutError extends WeftError {
  readonly timeoutMs: number;

  constructor(code: string, timeoutMs: number, what: string) {
    const passed = timeoutMs <= 0 ? ": its deadline had passed before it was sent on" : "";
    super(code, `exceeded ${showDuration(timeoutMs)} while waiting for ${what}${passed}`, { flags: deadlineExceeded });
    this.timeoutMs = timeoutMs;
  }
}

/** The call and all its retries together took too long. */
export class TotalTimeoutError extends TimeoutError {
  constructor(timeoutMs: number) {
    super("WEFT_TOTAL_TIMEOUT", timeoutMs, "a response to the request, with every retry counted in");
  }
}

/** One attempt took too long; whether another is made is the classifier's decision. */
export class RequestTimeoutError extends TimeoutError {
  constructor(timeoutMs: number) {
    super("WEFT_REQUEST_TIMEOUT", timeoutMs, "a response to one attempt of the request");
  }
}

/** The server gave the call up, whatever the stacks below it were doing. */
export class ServerTimeoutError extends TimeoutError {
  constructor(timeoutMs: number) {
    super("WEFT_SERVER_TIMEOUT", timeoutMs, "the server's own response to the request");
  }
}
