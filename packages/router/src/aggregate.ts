import { type Module, type Param, param, type Role, role } from "@weftmesh/core";
import {
  type Body,
  BodyTooLongError,
  bytesBody,
  collectBody,
  discard,
  emptyBody,
  type HttpResponse,
  TunnelResponse,
} from "@weftmesh/http";
import { RequestTooLongError } from "./errors.ts";
import { type HttpFilter, type HttpService, httpFilterModule } from "./http-service.ts";

export const AggregateRequestsRole: Role = role("aggregateRequests");
export const AggregateResponsesRole: Role = role("aggregateResponses");

/** Bytes of a whole body at most, where bodies are held in memory before they are passed on; undefined streams them. */
export const MaxAggregateBytes: Param<number | undefined> = param<number | undefined>("maxAggregateBytes", undefined);

/** The whole of it. A body that says it is longer is not even asked for, so that no client sends it for nothing. */
function whole(body: Body, maxBytes: number): Promise<Body> {
  if (body.length !== undefined && body.length > maxBytes) return Promise.reject(new BodyTooLongError(maxBytes));
  return collectBody(body, maxBytes).then(bytesBody);
}

function aggregateRequests(maxBytes: number): HttpFilter {
  return (req, ctx, next) => {
    if (req.body === emptyBody) return next.call(req, ctx);
    return new Promise((resolve, reject) => {
      ctx.onCancel(reject);
      whole(req.body, maxBytes)
        .then(
          (body) => {
            req.body = body;
            return ctx.cancelled === undefined ? next.call(req, ctx) : Promise.reject(ctx.cancelled);
          },
          (error: unknown) => {
            throw error instanceof BodyTooLongError ? new RequestTooLongError(maxBytes) : error;
          },
        )
        .then(resolve, reject);
    });
  };
}

function aggregateResponses(maxBytes: number): HttpFilter {
  function hold(rep: HttpResponse): HttpResponse | Promise<HttpResponse> {
    const { body } = rep;
    // The body of a tunnel has no bytes, and no end before it is over.
    if (body === emptyBody || rep instanceof TunnelResponse) return rep;
    if (body.length !== undefined && body.length > maxBytes) body.pipe(discard).stop(new BodyTooLongError(maxBytes));
    return whole(body, maxBytes).then((held) => {
      rep.body = held;
      return rep;
    });
  }
  return (req, ctx, next) => next.call(req, ctx).then(hold);
}

/** Linkerd's `streamingEnabled: false` on the way in. Below the limits of a server: what they refuse is not waited for. */
export const aggregatedRequests: Module<HttpService> = httpFilterModule({
  role: AggregateRequestsRole,
  description: "Waits for the whole body of a request",
  params: { maxBytes: MaxAggregateBytes },
  filter: ({ maxBytes }) => (maxBytes === undefined ? undefined : aggregateRequests(maxBytes)),
});

/** The same on the way out. Below the attempt's timeout, which then counts to the last byte. */
export const aggregatedResponses: Module<HttpService> = httpFilterModule({
  role: AggregateResponsesRole,
  description: "Waits for the whole body of a response",
  params: { maxBytes: MaxAggregateBytes },
  filter: ({ maxBytes }) => (maxBytes === undefined ? undefined : aggregateResponses(maxBytes)),
});
