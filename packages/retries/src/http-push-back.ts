import { type HeaderName, type HttpResponse, headerName, Names } from "@weftmesh/http";
import { httpDateMs } from "./http-date.ts";

const grpcPushBack: HeaderName = headerName("grpc-retry-pushback-ms");
const digits = /^\d+$/;

/**
 * How long a response asks not to be bothered again, in ms: `Retry-After` of 429 and 503, in seconds or as a date, and
 * `grpc-retry-pushback-ms` of any.
 *
 * Shape: undefined when it says nothing; `Infinity` when a pushback is negative or no number, which is how gRPC says
 * that no retry is wanted (gRFC A6). A `Retry-After` that cannot be read is none.
 */
export function httpPushBackMs({ status, headers, trailers }: HttpResponse, epochMs: number): number | undefined {
  const grpc = trailers?.get(grpcPushBack) ?? headers.get(grpcPushBack);
  if (grpc !== undefined) return digits.test(grpc) ? Number(grpc) : Number.POSITIVE_INFINITY;
  if (status !== 429 && status !== 503) return undefined;
  const text = headers.get(Names.retryAfter);
  if (text === undefined) return undefined;
  if (digits.test(text)) return Number(text) * 1000;
  const dateMs = httpDateMs(text);
  return Number.isNaN(dateMs) ? undefined : Math.max(dateMs - epochMs, 0);
}
