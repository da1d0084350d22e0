import { discardBody, emptyBody, endWithBody, HttpRequest, type HttpResponse, TunnelRequest } from "@weftmesh/http";
import type { HedgeProtocol } from "./hedge-protocol.ts";

export interface HttpHedgingOptions {
  /**
   * Whether a request may be sent twice: GET, HEAD and OPTIONS if not given. That DELETE and PUT are idempotent is not
   * enough: of two at a time the second may fail where one alone would not, and be the first to answer.
   */
  readonly isIdempotent?: (req: HttpRequest) => boolean;
  /** How much of an answer that nobody wants is read to keep its connection: 65,536 bytes if not given. */
  readonly maxDiscardBytes?: number;
}

/** Hedging for HTTP. A request with a body is never sent twice: its body is read once. */
export function httpHedging(options?: HttpHedgingOptions): HedgeProtocol<HttpRequest, HttpResponse> {
  const { isIdempotent = isSafe, maxDiscardBytes = 65_536 } = options ?? {};
  return {
    isHedgeable: (req) => req.body === emptyBody && isIdempotent(req) && !(req instanceof TunnelRequest),
    copy: ({ version, method, scheme, authority, path, headers }) =>
      new HttpRequest(version, method, scheme, authority, path, headers.clone(), emptyBody),
    begin: endWithBody,
    discard: ({ body }, reason) => discardBody(body, maxDiscardBytes, reason),
  };
}

function isSafe({ method }: HttpRequest): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}
