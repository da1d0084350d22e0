import { type ErrorFlag, WeftError } from "@weftmesh/core";

const elsewhere: readonly ErrorFlag[] = ["rejected", "retryable"];
const nowhere: readonly ErrorFlag[] = ["rejected", "nonRetryable"];

/** Refused before any work was done: as many calls are under way, and as many wait, as may. */
export class OverloadedError extends WeftError {
  readonly maxConcurrentRequests: number;
  readonly maxPending: number;

  constructor(maxConcurrentRequests: number, maxPending = 0) {
    super(
      "WEFT_OVERLOADED",
      `refused: the limit of ${maxConcurrentRequests} concurrent requests is reached${waiting(maxPending)}`,
      { flags: elsewhere },
    );
    this.maxConcurrentRequests = maxConcurrentRequests;
    this.maxPending = maxPending;
  }
}

function waiting(maxPending: number): string {
  return maxPending === 0 ? "" : `, and ${maxPending} wait, as many as may`;
}

/** Refused before any work was done: its turn would come after its deadline. */
export class QueueTooLongError extends WeftError {
  readonly expectedWaitMs: number;
  readonly remainingMs: number;

  constructor(expectedWaitMs: number, remainingMs: number) {
    super(
      "WEFT_QUEUE_TOO_LONG",
      `refused: its turn is expected in ${Math.ceil(expectedWaitMs)} ms, and its deadline is in ${Math.floor(remainingMs)} ms`,
      { flags: elsewhere },
    );
    this.expectedWaitMs = expectedWaitMs;
    this.remainingMs = remainingMs;
  }
}

/** Refused before any work was done: its deadline passed while it waited for its turn. */
export class QueueDeadlineError extends WeftError {
  readonly waitedMs: number;

  constructor(waitedMs: number) {
    super("WEFT_QUEUE_DEADLINE", `its deadline passed while it waited ${Math.ceil(waitedMs)} ms for its turn`, {
      flags: ["rejected", "deadlineExceeded"],
    });
    this.waitedMs = waitedMs;
  }
}

/** Refused before any work was done: as many calls wait for an answer as the peer was measured to bear. */
export class AdaptiveLimitError extends WeftError {
  readonly limit: number;

  constructor(limit: number) {
    super("WEFT_ADAPTIVE_LIMIT", `refused: the measured limit of ${limit} concurrent requests is reached`, {
      flags: elsewhere,
    });
    this.limit = limit;
  }
}

/** Not sent: the peers have refused so many calls of late that some are kept from them. */
export class NackAdmissionError extends WeftError {
  /** Share of the calls of late that the peers did not refuse. */
  readonly acceptRate: number;

  constructor(acceptRate: number) {
    super(
      "WEFT_NACK_ADMISSION",
      `not sent: its peers have accepted only ${Math.round(acceptRate * 100)} % of the requests of late`,
      { flags: nowhere },
    );
    this.acceptRate = acceptRate;
  }
}

/** Whose limit a call went past. */
export type RateLimitScope = "total" | "identity" | "override";

/** Refused before any work was done: its rate limit is used up. */
export class RateLimitedError extends WeftError {
  readonly scope: RateLimitScope;
  readonly requestsPerSecond: number;
  /** When a call like this one would be let through, if no other came before it. */
  readonly retryAfterMs: number;

  constructor(scope: RateLimitScope, requestsPerSecond: number, retryAfterMs: number) {
    super(
      "WEFT_RATE_LIMITED",
      `the ${scope} rate limit of ${requestsPerSecond} requests per second is exceeded; the next may come in ${retryAfterMs} ms`,
      { flags: nowhere },
    );
    this.scope = scope;
    this.requestsPerSecond = requestsPerSecond;
    this.retryAfterMs = retryAfterMs;
  }

  /** What `Retry-After` says: whole seconds, one at least. */
  get retryAfterSeconds(): number {
    return Math.max(Math.ceil(this.retryAfterMs / 1000), 1);
  }
}

/** Refused before any work was done: this process is short of time or memory. */
export class LoadShedError extends WeftError {
  /** Share of the requests of this priority that is refused. */
  readonly share: number;

  constructor(share: number) {
    super(
      "WEFT_LOAD_SHED",
      `refused: this server is overloaded and sheds ${Math.round(share * 100)} % of such requests`,
      {
        flags: elsewhere,
      },
    );
    this.share = share;
  }
}

/** Refused before any work was done: this process is about to run out of memory. */
export class OverloadError extends WeftError {
  readonly memoryRatio: number;

  constructor(memoryRatio: number) {
    super("WEFT_OVERLOAD", `refused: ${Math.round(memoryRatio * 100)} % of this server's memory is in use`, {
      flags: elsewhere,
    });
    this.memoryRatio = memoryRatio;
  }
}

/** Refused before any work was done: its gate is shut, or as many calls have passed it as may. */
export class GateShutError extends WeftError {
  constructor(state: string) {
    super("WEFT_GATE_SHUT", `refused: the gate before the service is ${state}`, { flags: elsewhere });
  }
}

/** Refused before any work was done: as many calls wait for the service to be available as may. */
export class QueueFullError extends WeftError {
  readonly capacity: number;

  constructor(capacity: number) {
    super("WEFT_QUEUE_FULL", `refused: ${capacity} calls wait for the service to be available, as many as may`, {
      flags: elsewhere,
    });
    this.capacity = capacity;
  }
}

/** Refused before any work was done: the service has not been available for too long. */
export class QueueFailFastError extends WeftError {
  readonly unavailableMs: number;

  constructor(unavailableMs: number) {
    super("WEFT_QUEUE_FAILFAST", `the service has not been available for ${Math.round(unavailableMs)} ms`, {
      flags: elsewhere,
    });
    this.unavailableMs = unavailableMs;
  }
}
