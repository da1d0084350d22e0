import { type ErrorFlag, WeftError } from "@weftmesh/core";

const flags: readonly ErrorFlag[] = ["rejected", "retryable"];

/** Connections to an endpoint fail, and none is tried for a call until one comes about in the background. */
export class FailFastError extends WeftError {
  readonly endpoint: string;
  readonly unhealthyForMs: number;

  constructor(endpoint: string, unhealthyForMs: number, tries: number, cause: Error) {
    const since = `for ${Math.round(unhealthyForMs)} ms, with ${tries} further tries`;
    super("WEFT_FAILFAST", `no connection to ${endpoint} could be made ${since}: ${cause.message}`, { flags, cause });
    this.endpoint = endpoint;
    this.unhealthyForMs = unhealthyForMs;
  }
}
