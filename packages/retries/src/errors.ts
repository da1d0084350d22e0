import { isWeftError, WeftError } from "@weftmesh/core";

/** An answer was thrown away, since its request was sent again. */
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
