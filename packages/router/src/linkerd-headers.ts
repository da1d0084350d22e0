import { type HeaderName, headerName } from "@weftmesh/http";

/** The headers by which Linkerd routers speak with each other and with applications. */
export const L5d: {
  readonly [K in
    | "ctxDeadline"
    | "ctxDtab"
    | "ctxTrace"
    | "dtab"
    | "sample"
    | "reqid"
    | "dstService"
    | "dstClient"
    | "dstResidual"
    | "err"
    | "successClass"
    | "retryable"
    | "addContext"
    | "origProto"]: HeaderName;
} = {
  ctxDeadline: headerName("l5d-ctx-deadline"),
  ctxDtab: headerName("l5d-ctx-dtab"),
  ctxTrace: headerName("l5d-ctx-trace"),
  dtab: headerName("l5d-dtab"),
  sample: headerName("l5d-sample"),
  reqid: headerName("l5d-reqid"),
  dstService: headerName("l5d-dst-service"),
  dstClient: headerName("l5d-dst-client"),
  dstResidual: headerName("l5d-dst-residual"),
  err: headerName("l5d-err"),
  successClass: headerName("l5d-success-class"),
  retryable: headerName("l5d-retryable"),
  addContext: headerName("l5d-add-context"),
  origProto: headerName("l5d-orig-proto"),
};

/** Headers of gRPC that a router knows. */
export const Grpc: { readonly [K in "timeout" | "status" | "message"]: HeaderName } = {
  timeout: headerName("grpc-timeout"),
  status: headerName("grpc-status"),
  message: headerName("grpc-message"),
};

/** Finagle's way to say that a request was not worked on. */
export const Finagle: { readonly nack: HeaderName; readonly nonRetryableNack: HeaderName } = {
  nack: headerName("finagle-http-nack"),
  nonRetryableNack: headerName("finagle-http-nonretryable-nack"),
};

/** True for the lower-case name of a header that belongs to Linkerd's protocol. */
export function isL5dHeader(lower: string): boolean {
  return lower.startsWith("l5d-");
}
