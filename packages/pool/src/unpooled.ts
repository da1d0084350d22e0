import {
  CancelledError,
  type Ctx,
  type Observer,
  type Service,
  type ServiceFactory,
  type Status,
} from "@weftmesh/core";
import type { SessionLeaf } from "./session-leaf.ts";

/**
 * A service that opens a session for each call and closes it when the call's ctx ends.
 *
 * Shape: the leaf of an endpoint's stack. The `pool` module above it takes `sessions` and keeps them instead; without
 * that module the stack works all the same, one connection per call.
 */
export class UnpooledService<Req, Rep> implements SessionLeaf<Req, Rep> {
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

/** The factory as a service: the leaf below the `pool` module. */
export function unpooled<Req, Rep>(sessions: ServiceFactory<Req, Rep>): UnpooledService<Req, Rep> {
  return new UnpooledService(sessions);
}
