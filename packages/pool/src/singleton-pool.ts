import {
  CancelledError,
  ClosedError,
  type Ctx,
  type Service,
  type ServiceFactory,
  type Status,
  worst,
} from "@weftmesh/core";
import { ConnectingPool, type ConnectingPoolOptions } from "./connecting-pool.ts";
import { isOwnedSession } from "./session-owner.ts";
import { type Shared, SharedSession } from "./shared-session.ts";

export interface SingletonPoolOptions extends ConnectingPoolOptions {
  /**
   * Whether a connect is given up when the last call that waits for it goes away; else it goes on, and the session is
   * there for the next call. False if not given.
   */
  readonly allowInterrupts?: boolean;
}

/**
 * Makes all calls on one session, for protocols that carry many calls on a connection.
 *
 * Shape: one per endpoint. The first call connects, and those that come meanwhile wait for the same connect: they all
 * get its session, in their order, or its failure, after which the next call tries anew. A session that closes, or is
 * past its time, is replaced when it is next needed, and closed itself when its last call is over.
 * Units: ms; none of the limits is set if not given. No call is ever cut short by a limit.
 * Errors: `WEFT_POOL_WAITERS` when too many wait, `WEFT_POOL_DEADLINE` when the call's deadline passes while it waits,
 * `WEFT_POOL_DEAD_SESSION` when the fresh session is closed already, `WEFT_CLOSED` after `close`, else what the factory
 * and its sessions fail with.
 * Cost: a call on an open session returns the session's own promise and allocates nothing.
 * Source: Finagle's singleton pool. Differs in that no call's interrupt can take the connect away from the others.
 */
export class SingletonPool<Req, Rep> extends ConnectingPool<Req, Rep> {
  readonly #allowInterrupts: boolean;
  #current: SharedSession<Req, Rep> | undefined = undefined;

  constructor(factory: ServiceFactory<Req, Rep>, options: SingletonPoolOptions) {
    super(factory, options);
    this.#allowInterrupts = options.allowInterrupts ?? false;
    this.stats.add(this);
  }

  /** Calls that wait or are under way on the present session. */
  get load(): number {
    return this.waiting.size + (this.#current?.calls ?? 0);
  }

  /** The worse of the factory's and the session's; a closed session does not count, since the next call replaces it. */
  get status(): Status {
    if (this.isClosed) return "closed";
    const session = this.#current?.session.status;
    return session === "busy" ? worst(session, this.factory.status) : this.factory.status;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    const current = this.#current;
    if (current !== undefined && current.session.status !== "closed") return current.call(req, ctx);
    return this.#callWithout(req, ctx);
  }

  #callWithout(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.isClosed) return Promise.reject(new ClosedError("the pool"));
    if (this.#current !== undefined) this.retire(this.#current, undefined);
    const refusal = this.refusal(ctx, 1);
    if (refusal !== undefined) return Promise.reject(refusal);
    const promise = this.waiting.wait(req, ctx);
    if (this.connecting === undefined) this.connect();
    return promise;
  }

  protected adopt(session: Service<Req, Rep>): void {
    const shared = new SharedSession<Req, Rep>(this, session);
    if (isOwnedSession(session)) session.owner = shared;
    this.#current = shared;
    this.#serve(shared);
  }

  /** A session may close under the calls that it is given: those that are left wait for the next one. */
  #serve(shared: SharedSession<Req, Rep>): void {
    while (this.#current === shared && shared.session.status !== "closed") {
      const waiter = this.waiting.shift();
      if (waiter === undefined) return;
      if (waiter.ctx.ended) waiter.reject(new CancelledError());
      else waiter.resolve(shared.call(waiter.req, waiter.ctx));
    }
    this.retire(shared, undefined);
    if (this.waiting.size > 0 && this.connecting === undefined) this.connect();
  }

  protected connectFailed(error: Error): void {
    this.waiting.fail(error);
  }

  protected override waiterLeft(): void {
    const dial = this.connecting;
    if (dial === undefined || this.waiting.size > 0 || !this.#allowInterrupts) return;
    this.connecting = undefined;
    dial.cancel(new CancelledError("every call that waited for the connect went away"));
  }

  retire(shared: Shared<Req, Rep>, why: "idle" | "lifetime" | undefined): void {
    if (this.#current === shared) this.#current = undefined;
    this.stats.expired(why);
    shared.drain();
  }

  protected retireAll(): void {
    if (this.#current !== undefined) this.retire(this.#current, undefined);
  }
}
