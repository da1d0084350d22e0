import { asError, type Ctx, type Service } from "@weftmesh/core";

/** Calls the service; what it throws is a rejection as well. */
export function attempt<Req, Rep>(next: Service<Req, Rep>, req: Req, ctx: Ctx): Promise<Rep> {
  try {
    return next.call(req, ctx);
  } catch (thrown) {
    return Promise.reject(asError(thrown));
  }
}
