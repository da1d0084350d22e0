import { WeftError } from "@weftmesh/core";

/** A pool was at its size, and as many calls as may were waiting for a session already. */
export class PoolWaitersError extends WeftError {
  readonly maxSize: number;
  readonly maxWaiters: number;

  constructor(maxSize: number, maxWaiters: number) {
    super(
      "WEFT_POOL_WAITERS",
      `all ${maxSize} sessions of the pool are in use and ${maxWaiters} calls wait for one, as many as may`,
      { flags: ["rejected", "retryable"] },
    );
    this.maxSize = maxSize;
    this.maxWaiters = maxWaiters;
  }
}

/** The deadline of a call passed while it waited for a session; nothing of it was sent. */
export class PoolDeadlineError extends WeftError {
  /** How long it waited. */
  readonly waitedMs: number;

  constructor(waitedMs: number) {
    super("WEFT_POOL_DEADLINE", `the call's deadline passed while it waited for a session, for ${waitedMs} ms`, {
      flags: ["deadlineExceeded"],
    });
    this.waitedMs = waitedMs;
  }
}

/** A session was closed already when its connect succeeded; nothing was sent on it. */
export class DeadSessionError extends WeftError {
  constructor() {
    super("WEFT_POOL_DEAD_SESSION", "the session was closed as soon as it was open", { flags: ["retryable"] });
  }
}
