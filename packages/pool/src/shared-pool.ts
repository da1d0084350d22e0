import { CancelledError, ClosedError, type Ctx, type Service, type ServiceFactory, type Status } from "@weftmesh/core";
import { atLeast } from "./at-least.ts";
import { ConnectingPool, type ConnectingPoolOptions } from "./connecting-pool.ts";
import { isMultiplexed, Multiplexed } from "./multiplexed-session.ts";
import { isOwnedSession } from "./session-owner.ts";
import { type Shared, type SharedLimits, SharedSession } from "./shared-session.ts";

export interface SharedPoolOptions extends ConnectingPoolOptions {
  /** Sessions at most: no limit if not given. */
  readonly maxSize?: number;
  /** Sessions that `idleTimeMs` leaves alone: none if not given. */
  readonly minSize?: number;
  /** How long a session beyond those may be without a call: for ever if not given. */
  readonly idleTimeMs?: number;
}

const never = Number.POSITIVE_INFINITY;

/**
 * Makes all calls on one session as long as that takes them, and opens another only when every session is busy: for
 * protocols that carry many calls on a connection, but not any number of them.
 *
 * Shape: one per endpoint. Sessions are asked in the order in which they were opened, so that those which a peak has
 * brought fall idle again. One connect at a time is under way; calls that find no session that takes them wait, in their
 * order, for it or for a call to end. A session that closes, or is past its time, is left, and closed itself when its
 * last call is over. Of a session that says itself how many calls it has (`MultiplexedSession`), none is watched.
 * Units: ms; none of the limits is set if not given. No call is ever cut short by a limit.
 * Errors: `WEFT_POOL_WAITERS` when too many wait, `WEFT_POOL_DEADLINE` when the call's deadline passes while it waits,
 * `WEFT_POOL_DEAD_SESSION` when the fresh session is closed already, `WEFT_CLOSED` after `close`, else what the factory
 * and its sessions fail with. A connect that fails fails those that wait for it, unless other sessions are there.
 * Cost: a call on the first session returns the session's own promise and allocates nothing.
 */
export class SharedPool<Req, Rep> extends ConnectingPool<Req, Rep> {
  readonly #spareLimits: SharedLimits;
  readonly #maxSize: number;
  readonly #minSize: number;
  /** Those that take calls, or may do so again. */
  readonly #live: Shared<Req, Rep>[] = [];
  #serveDue = false;

  constructor(factory: ServiceFactory<Req, Rep>, options: SharedPoolOptions) {
    super(factory, options);
    const { sessionIdleTimeMs, sessionLifeTimeMs } = this.limits;
    this.#spareLimits = {
      sessionIdleTimeMs: Math.min(sessionIdleTimeMs, options.idleTimeMs ?? never),
      sessionLifeTimeMs,
    };
    this.#maxSize = atLeast(1, "maxSize", options.maxSize ?? never);
    this.#minSize = atLeast(0, "minSize", options.minSize ?? 0);
    this.stats.add(this);
  }

  /** Calls that wait or are under way on sessions that take calls. */
  get load(): number {
    return this.#live.reduce((sum, { calls }) => sum + calls, this.waiting.size);
  }

  /** `busy` while no session takes a call and there may be no other. */
  get status(): Status {
    if (this.isClosed) return "closed";
    const first = this.#live[0];
    if (first === undefined || this.#live.length < this.#maxSize || first.session.status === "open") {
      return this.factory.status;
    }
    return this.#free() === undefined && this.#live.every(({ session }) => session.status === "busy")
      ? "busy"
      : this.factory.status;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    const first = this.#live[0];
    if (first !== undefined && first.session.status === "open" && this.waiting.size === 0) return first.call(req, ctx);
    return this.#callWithout(req, ctx);
  }

  #callWithout(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.isClosed) return Promise.reject(new ClosedError("the pool"));
    this.#dropClosed();
    // Those that wait were here first.
    const free = this.waiting.size === 0 ? this.#free() : undefined;
    if (free !== undefined) return free.call(req, ctx);
    const refusal = this.refusal(ctx, this.#live.length);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.#live.length > 0) this.stats.waited.inc();
    const promise = this.waiting.wait(req, ctx);
    this.#serve();
    return promise;
  }

  #free(): Shared<Req, Rep> | undefined {
    for (const shared of this.#live) if (shared.session.status === "open") return shared;
    return undefined;
  }

  #dropClosed(): void {
    for (const shared of [...this.#live]) if (shared.session.status === "closed") this.retire(shared, undefined);
  }

  /** Gives those that wait the sessions that are free, and connects when some are left. */
  #serve(): void {
    while (this.waiting.size > 0) {
      const shared = this.#free();
      if (shared === undefined) {
        this.#dropClosed();
        this.#connectIfMay();
        return;
      }
      const waiter = this.waiting.shift();
      if (waiter === undefined) return;
      if (waiter.ctx.ended) waiter.reject(new CancelledError());
      else waiter.resolve(shared.call(waiter.req, waiter.ctx));
    }
  }

  #connectIfMay(): void {
    if (this.connecting !== undefined || this.#live.length >= this.#maxSize || this.isClosed) return;
    // A peer that takes no calls at all takes none on another connection either.
    if (this.#live.some(({ calls }) => calls === 0)) return;
    this.connect();
  }

  protected adopt(session: Service<Req, Rep>): void {
    const limits = this.#live.length < this.#minSize ? this.limits : this.#spareLimits;
    const shared: Shared<Req, Rep> = isMultiplexed(session)
      ? new Multiplexed<Req, Rep>(this, session, limits)
      : new SharedSession<Req, Rep>(this, session, limits);
    if (isOwnedSession(session)) session.owner = shared;
    this.#live.push(shared);
    this.#serve();
  }

  /** Those that wait have other sessions to wait for, or none. */
  protected connectFailed(error: Error): void {
    this.#dropClosed();
    if (this.#live.length === 0) this.waiting.fail(error);
  }

  retire(shared: Shared<Req, Rep>, why: "idle" | "lifetime" | undefined): void {
    const at = this.#live.indexOf(shared);
    if (at >= 0) this.#live.splice(at, 1);
    this.stats.expired(why);
    shared.drain();
    if (at >= 0) this.freed();
  }

  /** The session may not know yet that the call is over: whoever waits is served when it does. */
  freed(): void {
    if (this.#serveDue || this.waiting.size === 0) return;
    this.#serveDue = true;
    void Promise.resolve().then(this.#serveNow);
  }

  readonly #serveNow: () => void = () => {
    this.#serveDue = false;
    if (!this.isClosed) this.#serve();
  };

  protected retireAll(): void {
    for (const shared of [...this.#live]) this.retire(shared, undefined);
  }
}
