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
