import { type StatusObject, status } from "@grpc/grpc-js";
import { type ErrorFlag, WeftError } from "@weftmesh/core";

/** `UNAVAILABLE` for 14; what is no status of gRPC's has its number. */
export function statusName(code: number): string {
  return status[code] ?? `CODE_${code}`;
}

const none: readonly ErrorFlag[] = [];
const callers: readonly ErrorFlag[] = ["interrupted", "ignorable", "nonRetryable"];

/** A call that ended with a status other than OK, said by the peer or by grpc-js. Its code is `WEFT_GRPC_UNAVAILABLE` or alike. */
export class GrpcStatusError extends WeftError {
  readonly status: StatusObject;

  constructor(ended: StatusObject) {
    super(`WEFT_GRPC_${statusName(ended.code)}`, ended.details === "" ? statusName(ended.code) : ended.details, {
      flags: none,
    });
    this.status = ended;
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
