import { type ErrorFlag, WeftError } from "@weftmesh/core";
import { showDuration } from "./show-duration.ts";

const deadlineExceeded: readonly ErrorFlag[] = ["deadlineExceeded"];
/** The caller has no more use for an answer: another attempt would be work for nobody. */
const callersDeadline: readonly ErrorFlag[] = ["deadlineExceeded", "interrupted", "nonRetryable"];
/** Nothing was sent yet. */
const notOpened: readonly ErrorFlag[] = ["deadlineExceeded", "retryable"];

/** What every timeout tells: how long it waited, which a deadline that came with the call may have made shorter. */
export abstract class TimeoutError extends WeftError {
  readonly timeoutMs: number;

  constructor(code: string, timeoutMs: number, what: string, flags: readonly ErrorFlag[] = deadlineExceeded) {
    const passed = timeoutMs <= 0 ? ": its deadline had passed before it was sent on" : "";
    super(code, `exceeded ${showDuration(timeoutMs)} while waiting for ${what}${passed}`, { flags });
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

/** The deadline that came with the call has passed, before or after the call itself came. */
export class DeadlineError extends TimeoutError {
  /** How long it had passed when the call came; 0 when it passed later. */
  readonly lateMs: number;

  constructor(timeoutMs: number, lateMs = 0) {
    const late = lateMs > 0 ? ` that came ${showDuration(lateMs)} late` : "";
    super("WEFT_DEADLINE", timeoutMs, `a response within the deadline of the call${late}`, callersDeadline);
    this.lateMs = lateMs;
  }
}

/** The whole exchange, bodies included, took too long. */
export class StreamTimeoutError extends TimeoutError {
  constructor(timeoutMs: number) {
    super("WEFT_STREAM_TIMEOUT", timeoutMs, "the end of the response's body");
  }
}

/** Neither the request's body nor the response's moved for too long. */
export class StreamIdleTimeoutError extends TimeoutError {
  constructor(timeoutMs: number) {
    super("WEFT_STREAM_IDLE_TIMEOUT", timeoutMs, "the next bytes of a body");
  }
}

/** A session was not open in time. */
export class OpenTimeoutError extends TimeoutError {
  constructor(timeoutMs: number) {
    super("WEFT_OPEN_TIMEOUT", timeoutMs, "a session to be open", notOpened);
  }
}
