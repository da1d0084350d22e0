import { type HeaderName, type HttpResponse, headerName, Names } from "@weftmesh/http";

const nack: HeaderName = headerName("finagle-http-nack");
const nonRetryableNack: HeaderName = headerName("finagle-http-nonretryable-nack");

/**
 * Whether an HTTP response says that its request was not worked on: a 503 with `finagle-http-nack`,
 * `finagle-http-nonretryable-nack` or `Retry-After: 0`. For `NackAdmissionOptions.isNack`.
 *
 * Source: Finagle's client takes each of them for a rejection.
 */
export function isHttpNack(rep: unknown): boolean {
  const { status, headers } = rep as HttpResponse;
  if (status !== 503) return false;
  return headers.has(nack) || headers.has(nonRetryableNack) || headers.get(Names.retryAfter) === "0";
}
