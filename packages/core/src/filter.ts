import type { Ctx } from "./ctx.ts";
import type { Service } from "./service.ts";
import type { Status } from "./status.ts";

/** Wraps a call. One that only changes the request or watches the outcome returns `next.call(req, ctx)` itself. */
export type Filter<ReqIn, RepOut, ReqOut = ReqIn, RepIn = RepOut> = (
  req: ReqIn,
  ctx: Ctx,
  next: Service<ReqOut, RepIn>,
) => Promise<RepOut>;

/** A filter for every protocol. It cannot forget `next`: it has no other `Rep` to return. */
export type AnyFilter = <Req, Rep>(req: Req, ctx: Ctx, next: Service<Req, Rep>) => Promise<Rep>;

class Filtered<ReqIn, RepOut, ReqOut, RepIn> implements Service<ReqIn, RepOut> {
  readonly #filter: Filter<ReqIn, RepOut, ReqOut, RepIn>;
  readonly #next: Service<ReqOut, RepIn>;

  constructor(filter: Filter<ReqIn, RepOut, ReqOut, RepIn>, next: Service<ReqOut, RepIn>) {
    this.#filter = filter;
    this.#next = next;
  }

  call(req: ReqIn, ctx: Ctx): Promise<RepOut> {
    // Here once, so that neither a filter nor whoever calls one has to think of it. Costs nothing that can be measured.
    try {
      return this.#filter(req, ctx, this.#next);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  get status(): Status {
    return this.#next.status;
  }

  close(): Promise<void> {
    return this.#next.close();
  }
}

/** The service behind the filter; status and close are its own. What either throws becomes a rejection. */
export function filtered<ReqIn, RepOut, ReqOut, RepIn>(
  filter: Filter<ReqIn, RepOut, ReqOut, RepIn>,
  next: Service<ReqOut, RepIn>,
): Service<ReqIn, RepOut> {
  return new Filtered(filter, next);
}

/** Both filters as one; `outer` meets the request first. */
export function andThen<A, Z, B, Y, C, X>(outer: Filter<A, Z, B, Y>, inner: Filter<B, Y, C, X>): Filter<A, Z, C, X> {
  let last: Service<C, X> | undefined;
  let wrapped: Service<B, Y> | undefined;
  return (req, ctx, next) => {
    if (wrapped === undefined || last !== next) {
      last = next;
      wrapped = filtered(inner, next);
    }
    return outer(req, ctx, wrapped);
  };
}
