import { type HttpResponse, Names } from "@weftmesh/http";
import type { RetryAfterMs } from "./push-back.ts";

/**
 * How long a response that was refused for load, 429 or 503, asks to be left alone by its `Retry-After`.
 *
 * Shape: a `retryAfterMs` of balancers over HTTP. Whole seconds count; a date does not, since it takes the peer's clock
 * to be ours.
 */
export const httpRetryAfterMs: RetryAfterMs = (rep) => {
  const { status, headers } = rep as HttpResponse;
  if (status !== 429 && status !== 503) return undefined;
  const text = headers.get(Names.retryAfter);
  return text === undefined || !/^\d{1,9}$/.test(text) ? undefined : Number(text) * 1000;
};
