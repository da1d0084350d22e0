import { type HeaderName, type HttpResponse, headerName, Names } from "@weftmesh/http";

const nack: HeaderName = headerName("finagle-http-nack");
const nonRetryableNack: HeaderName = headerName("finagle-http-nonretryable-nack");

/**
 * Whether the peer refused the request before it did any work: 503 with `finagle-http-nack` or with `Retry-After: 0`.
 *
 * Source: Finagle's HttpNackFilter.
 */
export function isHttpNack({ status, headers }: HttpResponse): boolean {
  if (status !== 503 || headers.has(nonRetryableNack)) return false;
  return headers.has(nack) || headers.get(Names.retryAfter) === "0";
}

/** Whether the peer refused the request, and wants nobody to send it again. */
export function isFinalHttpNack({ status, headers }: HttpResponse): boolean {
  return status === 503 && headers.has(nonRetryableNack);
}

/** Makes a nack one that nobody sends again. */
export function endHttpNack({ headers }: HttpResponse): void {
  headers.delete(nack);
  if (headers.get(Names.retryAfter) === "0") headers.delete(Names.retryAfter);
  headers.set(nonRetryableNack, "true");
}
