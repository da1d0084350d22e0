import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { hasFlag, isWeftError } from "@weftmesh/core";
import { GrpcCancelledError, GrpcStatusError } from "./errors.ts";

/**
 * The status with which a call ends that failed with this error.
 *
 * Shape: an error that holds a status gives it back. Of others the flags say it: a time that ran out is
 * DEADLINE_EXCEEDED, a caller that left CANCELLED; what never reached a server, for want of one or because it was
 * refused, is UNAVAILABLE. A protocol that was not kept is INTERNAL, anything else UNKNOWN. Never OK.
 */
export function statusOfError(error: Error): StatusObject {
  if (error instanceof GrpcStatusError) return error.status;
  return { code: codeOf(error), details: error.message, metadata: new Metadata() };
}

function codeOf(error: Error): number {
  if (error instanceof GrpcCancelledError) return error.statusCode;
  // A deadline is flagged as interrupted too.
  if (hasFlag(error, "deadlineExceeded")) return status.DEADLINE_EXCEEDED;
  if (hasFlag(error, "interrupted")) return status.CANCELLED;
  if (isWeftError(error)) {
    const { code } = error;
    if (code.startsWith("WEFT_PROTOCOL_")) return status.INTERNAL;
    if (code.startsWith("WEFT_CONNECT") || code === "WEFT_CLOSED") return status.UNAVAILABLE;
  }
  if (hasFlag(error, "rejected") || hasFlag(error, "retryable") || hasFlag(error, "naming")) return status.UNAVAILABLE;
  return status.UNKNOWN;
}
