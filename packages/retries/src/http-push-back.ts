import { type HeaderName, type HttpResponse, headerName, Names } from "@weftmesh/http";

const grpcPushBack: HeaderName = headerName("grpc-retry-pushback-ms");

/**
 * How long a response asks not to be bothered again, in ms: `Retry-After` of 429 and 503, in seconds or as a date, and
 * `grpc-retry-pushback-ms` of any.
 *
 * Shape: undefined when it says nothing; `Infinity` when a pushback is negative or no number, which is how gRPC says
 * that no retry is wanted (gRFC A6). A `Retry-After` that cannot be read is none.
 */
export function httpPushBackMs({ status, headers }: HttpResponse, epochMs: number): number | undefined {
  const grpc = headers.get(grpcPushBack);
  if (grpc !== undefined) return /^\d{1,10}$/.test(grpc) ? Number(grpc) : Number.POSITIVE_INFINITY;
  if (status !== 429 && status !== 503) return undefined;
  const text = headers.get(Names.retryAfter);
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  // biome-ignore lint/style/noRestrictedGlobals: reads a text, and no clock
  const dateMs = /^[A-Z][a-z]+,? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : Math.max(dateMs - epochMs, 0);
}
