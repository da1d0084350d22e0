import type { StatusObject } from "@grpc/grpc-js";
import { type ErrorFlag, WeftError } from "@weftmesh/core";

const callers: readonly ErrorFlag[] = ["interrupted", "ignorable", "nonRetryable"];

/** A call ended with a status other than OK, said by the server or by grpc-js. */
export class GrpcStatusError extends WeftError {
  /** By the number of the status. */
  static readonly #codes: readonly string[] = [
    "WEFT_GRPC_OK",
    "WEFT_GRPC_CANCELLED",
    "WEFT_GRPC_UNKNOWN",
    "WEFT_GRPC_INVALID_ARGUMENT",
    "WEFT_GRPC_DEADLINE_EXCEEDED",
    "WEFT_GRPC_NOT_FOUND",
    "WEFT_GRPC_ALREADY_EXISTS",
    "WEFT_GRPC_PERMISSION_DENIED",
    "WEFT_GRPC_RESOURCE_EXHAUSTED",
    "WEFT_GRPC_FAILED_PRECONDITION",
    "WEFT_GRPC_ABORTED",
    "WEFT_GRPC_OUT_OF_RANGE",
    "WEFT_GRPC_UNIMPLEMENTED",
    "WEFT_GRPC_INTERNAL",
    "WEFT_GRPC_UNAVAILABLE",
    "WEFT_GRPC_DATA_LOSS",
    "WEFT_GRPC_UNAUTHENTICATED",
  ];
  readonly status: StatusObject;

  constructor(ended: StatusObject) {
    super(GrpcStatusError.#codeOf(ended.code), ended.details === "" ? `status ${ended.code}` : ended.details);
    this.status = ended;
  }

  static #codeOf(code: number): string {
    // A server may make a number up.
    return GrpcStatusError.#codes[code] ?? "WEFT_GRPC_STATUS";
  }
}

/** The caller gave its call up, with the status that it is to end with. */
export class GrpcCancelledError extends WeftError {
  readonly statusCode: number;

  constructor(statusCode: number, details: string) {
    super("WEFT_CANCELLED", details, { flags: callers });
    this.statusCode = statusCode;
  }
}

/** An endpoint has no connection, so nothing was sent. */
export class GrpcConnectError extends WeftError {
  constructor(code: "WEFT_CONNECT_FAILED" | "WEFT_CONNECT_TIMEOUT", message: string) {
    super(code, message, { flags: ["retryable"] });
  }
}
