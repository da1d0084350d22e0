import type { Ctx, Observer } from "./ctx.ts";
import { CancelledError } from "./errors.ts";
import type { Params } from "./params.ts";
import type { Service, ServiceFactory } from "./service.ts";
import type { Stack } from "./stack.ts";
import type { Status } from "./status.ts";

/**
 * What stands right below a pool: a service that offers the factory of the sessions that it would open itself.
 *
 * Shape: `unpooled` makes one. A module between the pool and the transport, which watches or refuses connects, returns
 * one as well, with a factory of its own around that of the leaf below it.
 */
export interface SessionLeaf<in Req, out Rep> extends Service<Req, Rep> {
  readonly sessions: ServiceFactory<Req, Rep>;
}

/** The sessions that the rest of the stack offers. Errors: TypeError that begins with `rule` when it offers none. */
export function sessionsBelow<Req, Rep>(
  values: Params,
  next: Stack<Service<Req, Rep>>,
  rule: string,
): ServiceFactory<Req, Rep> {
  const below = next.make(values);
  if (isSessionLeaf(below)) return below.sessions;
  const between = next.roles.length === 0 ? "the leaf offers no sessions" : `below it: ${next.roles.join(", ")}`;
  throw new TypeError(`${rule} (${between})`);
}

function isSessionLeaf<Req, Rep>(below: Service<Req, Rep>): below is SessionLeaf<Req, Rep> {
  return "sessions" in below;
}

/**
 * A service that opens a session for each call and closes it when the call's ctx ends.
 *
 * Shape: the leaf of an endpoint's stack. A pool above it takes `sessions` and keeps them instead; without one the stack
 * works all the same, one connection per call.
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

/** A factory of sessions as a service: what stands below a pool. */
export function unpooled<Req, Rep>(sessions: ServiceFactory<Req, Rep>): UnpooledService<Req, Rep> {
  return new UnpooledService(sessions);
}
