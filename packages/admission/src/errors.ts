import { WeftError } from "@weftmesh/core";

/** Refused before any work was done: as many calls are under way as may be. */
export class OverloadedError extends WeftError {
  readonly maxConcurrentRequests: number;

  constructor(maxConcurrentRequests: number) {
    super("WEFT_OVERLOADED", `refused: the limit of ${maxConcurrentRequests} concurrent requests is reached`, {
      flags: ["rejected", "retryable"],
    });
    this.maxConcurrentRequests = maxConcurrentRequests;
  }
}
