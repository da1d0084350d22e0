import type { Headers } from "./headers.ts";

/** Fields that frame, route, authenticate or describe a message: too late behind its content (RFC 9110 section 6.5.1). */
const dropped = new Set([
  "age",
  "authorization",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "date",
  "dtab-local",
  "expect",
  "expires",
  "forwarded",
  "host",
  "keep-alive",
  "location",
  "max-forwards",
  "pragma",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "range",
  "retry-after",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "vary",
  "via",
  "warning",
  "www-authenticate",
  "x-forwarded-client-cert",
]);

/**
 * Takes out what may not stand in a trailer section, and every `l5d-` field: trailers are never merged into the headers,
 * and nothing behind a proxy should be able to mistake them for such.
 */
export function keepTrailers(trailers: Headers): Headers {
  return trailers.deleteWhere(isDropped);
}

function isDropped(lower: string): boolean {
  return dropped.has(lower) || lower.startsWith("l5d-");
}
