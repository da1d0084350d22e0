import { status } from "@grpc/grpc-js";
import { type Classifier, hasFlag, type ResponseClass } from "@weftmesh/core";
import { GrpcResponse } from "./grpc-response.ts";
import { statusOfError } from "./status-of-error.ts";

export interface GrpcClassifierOptions {
  /** Statuses after which the call may be sent again: UNAVAILABLE, if not given. They count as failures too. */
  readonly retryableCodes?: readonly number[];
  /** Statuses that speak against the endpoint: 2, 4, 7, 13, 14 and 15 as in Linkerd 2, if not given. */
  readonly failureCodes?: readonly number[];
}

const failureCodes: readonly number[] = [
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.PERMISSION_DENIED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
];

/**
 * Judges calls by their gRPC status.
 *
 * Shape: a stream that has begun is a success until its status says otherwise. An answer such as NOT_FOUND or
 * INVALID_ARGUMENT is what the server was asked for, and a success. Of failures without an answer, what was never sent
 * is retryable, and a caller that left is ignorable.
 * Errors: RangeError for a code that is no whole number above 0.
 */
export function grpcClassifier(options: GrpcClassifierOptions = {}): Classifier {
  const retryable = codes("retryableCodes", options.retryableCodes ?? [status.UNAVAILABLE]);
  const failure = codes("failureCodes", options.failureCodes ?? failureCodes);
  const ofCode = (code: number): ResponseClass =>
    retryable.has(code) ? "retryable" : failure.has(code) ? "failure" : "success";
  return {
    name: "grpc",
    classify: (_req, rep, error) => {
      if (error !== undefined) return ofError(error, ofCode);
      const ended = rep instanceof GrpcResponse ? rep.status : undefined;
      return ended === undefined ? "success" : ofCode(ended.code);
    },
  };
}

function ofError(error: Error, ofCode: (code: number) => ResponseClass): ResponseClass {
  if (hasFlag(error, "ignorable")) return "ignorable";
  if (hasFlag(error, "nonRetryable")) return "failure";
  if (hasFlag(error, "retryable")) return "retryable";
  return ofCode(statusOfError(error).code);
}

function codes(name: string, listed: readonly number[]): ReadonlySet<number> {
  for (const code of listed) {
    if (!(Number.isInteger(code) && code > 0))
      throw new RangeError(`${name} must be whole numbers above 0, not ${code}`);
  }
  return new Set(listed);
}
