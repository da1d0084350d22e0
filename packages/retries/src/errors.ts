import { hasFlag, isWeftError, WeftError } from "@weftmesh/core";

/** An attempt is over, since its request is sent again. */
export class RetriedError extends WeftError {
  constructor() {
    super("WEFT_RETRIED", "the request is sent again", { flags: ["ignorable", "interrupted"] });
  }
}

/**
 * The same failure, after which no layer above may send the request again. An error of another kind becomes the cause of
 * a `WEFT_NOT_RETRIED`.
 */
export function nonRetryable(error: Error): Error {
  if (!isWeftError(error)) {
    return new WeftError("WEFT_NOT_RETRIED", error.message, { flags: ["nonRetryable"], cause: error });
  }
  if (error.has("nonRetryable")) return error;
  const flags = [...error.flags.filter((flag) => flag !== "retryable"), "nonRetryable" as const];
  return Object.assign(Object.create(Object.getPrototypeOf(error) as object), error, { flags }) as Error;
}

/** Whether a layer below has said that it is enough, or a caller that it wants no answer any more. */
export function isFinal(error: Error): boolean {
  return hasFlag(error, "nonRetryable") || hasFlag(error, "interrupted");
}

/** Besides `WEFT_CONNECT_*`. */
const withoutSession: ReadonlySet<string> = new Set(["WEFT_OPEN_TIMEOUT", "WEFT_POOL_DEAD_SESSION", "WEFT_FAILFAST"]);

/** Whether there was no session to send anything on, which Finagle tells from a session that took nothing. */
export function hadNoSession(error: Error): boolean {
  return isWeftError(error) && (withoutSession.has(error.code) || error.code.startsWith("WEFT_CONNECT_"));
}
