import { type HeaderName, type HttpResponse, headerName } from "@weftmesh/http";

const nack: HeaderName = headerName("finagle-http-nack");
const nonRetryableNack: HeaderName = headerName("finagle-http-nonretryable-nack");

/**
 * Whether an HTTP response says that its request was not worked on: a 503 with `finagle-http-nack` or
 * `finagle-http-nonretryable-nack`. For `NackAdmissionOptions.isNack`.
 */
export function isHttpNack(rep: unknown): boolean {
  const { status, headers } = rep as HttpResponse;
  return status === 503 && (headers.has(nack) || headers.has(nonRetryableNack));
}
