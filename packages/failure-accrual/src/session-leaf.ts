import {
  CancelledError,
  type Ctx,
  type Observer,
  type Params,
  type Service,
  type ServiceFactory,
  type Stack,
  type Status,
} from "@weftmesh/core";

/**
 * What stands right below a pool: a service that offers the factory of the sessions that it would open itself.
 *
 * Shape: the same as that of `@weftmesh/pool`, which this package does not see.
 */
export interface SessionLeaf<in Req, out Rep> extends Service<Req, Rep> {
  readonly sessions: ServiceFactory<Req, Rep>;
}

/** The sessions that the rest of the stack offers. Errors: TypeError when it offers none. */
export function sessionsBelow<Req, Rep>(values: Params, next: Stack<Service<Req, Rep>>): ServiceFactory<Req, Rep> {
  const below = next.make(values);
  if ("sessions" in below) return (below as SessionLeaf<Req, Rep>).sessions;
  const between = next.roles.length === 0 ? "the leaf offers no sessions" : `below it: ${next.roles.join(", ")}`;
  throw new TypeError(`failFast must stand between the pool and the transport (${between})`);
}

/** A leaf in whose place another has stood: a pool takes its sessions; without one, each call opens its own. */
export class WrappedLeaf<Req, Rep> implements SessionLeaf<Req, Rep> {
  readonly sessions: ServiceFactory<Req, Rep>;

  constructor(sessions: ServiceFactory<Req, Rep>) {
    this.sessions = sessions;
  }

  get status(): Status {
    return this.sessions.status;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    return this.sessions.open(ctx).then((session) => {
      ctx.observe(new CloseAtEnd(session));
      if (ctx.cancelled !== undefined || ctx.ended) return Promise.reject(ctx.cancelled ?? new CancelledError());
      return session.call(req, ctx);
    });
  }

  close(): Promise<void> {
    return this.sessions.close();
  }
}

class CloseAtEnd<Req, Rep> implements Observer {
  readonly #session: Service<Req, Rep>;

  constructor(session: Service<Req, Rep>) {
    this.#session = session;
  }

  onEnd(): void {
    // A session that could not close cleanly is as gone as one that could.
    this.#session.close().catch(() => {});
  }
}
