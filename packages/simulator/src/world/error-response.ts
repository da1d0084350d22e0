import { hasFlag, isWeftError } from "@weftmesh/core";
import { Headers, HttpResponse } from "@weftmesh/http";

/**
 * What a server that is a proxy answers when its call has failed: the statuses and headers of the real one, by which
 * the tier above tells whether it may ask again.
 */
export function errorResponse(error: Error): HttpResponse {
  const headers = Headers.of("l5d-err", error.message.replace(/[^\x20-\x7e]/g, "?"));
  const rejected = hasFlag(error, "rejected");
  if (rejected) headers.add("finagle-http-nack", "true").add("retry-after", "0");
  else if (hasFlag(error, "retryable") && !hasFlag(error, "naming")) headers.add("l5d-retryable", "true");
  const unavailable = rejected || hasFlag(error, "deadlineExceeded");
  const badRequest = isWeftError(error) && error.code.startsWith("WEFT_PROTOCOL_");
  return new HttpResponse(unavailable ? 503 : badRequest ? 400 : 502, headers);
}
