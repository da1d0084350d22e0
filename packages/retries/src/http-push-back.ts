import { type HeaderName, type HttpResponse, headerName, Names } from "@weftmesh/http";

/** The three forms of a date in HTTP. The last, asctime's, is UTC without saying so. */
const httpDate = /^[A-Z][a-z]{2,8},? .* ?\d\d:\d\d:\d\d (GMT|\d{4})$/;

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
  const form = httpDate.exec(text);
  if (form === null) return undefined;
  // biome-ignore lint/style/noRestrictedGlobals: reads a text, and no clock
  const dateMs = Date.parse(form[1] === "GMT" ? text : `${text} GMT`);
  return Number.isNaN(dateMs) ? undefined : Math.max(dateMs - epochMs, 0);
}
