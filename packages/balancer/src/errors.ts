import { WeftError } from "@weftmesh/core";

/** A bound name has nobody behind it. */
export class NoEndpointsError extends WeftError {
  constructor(what: string) {
    super("WEFT_NO_ENDPOINTS", `no endpoints: ${what}`, { flags: ["naming", "retryable"] });
  }
}

/** More calls wait for the first addresses of a name than the balancer may hold. */
export class BalancerQueueFullError extends WeftError {
  readonly maxWaiting: number;

  constructor(what: string, maxWaiting: number) {
    super("WEFT_BALANCER_QUEUE_FULL", `${maxWaiting} calls already wait for the first addresses of ${what}`, {
      flags: ["rejected", "retryable"],
    });
    this.maxWaiting = maxWaiting;
  }
}

/** The deadline of a call passed while it waited for the first addresses of a name. */
export class BalancerTimeoutError extends WeftError {
  readonly timeoutMs: number;

  constructor(what: string, timeoutMs: number) {
    super("WEFT_BALANCER_TIMEOUT", `the deadline passed after ${timeoutMs} ms without any address of ${what}`, {
      flags: ["deadlineExceeded"],
    });
    this.timeoutMs = timeoutMs;
  }
}
