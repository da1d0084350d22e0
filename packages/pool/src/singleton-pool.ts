import {
  CancelledError,
  type Clock,
  ClosedError,
  type Ctx,
  type Service,
  type ServiceFactory,
  type Status,
  worst,
} from "@weftmesh/core";
import { type Counter, nullStats, type StatsReceiver } from "@weftmesh/telemetry";
import { atLeast } from "./at-least.ts";
import { Dial, type DialingPool } from "./dial.ts";
import { DeadSessionError, PoolDeadlineError, PoolWaitersError } from "./errors.ts";
import { type PoolFigures, PoolStats } from "./pool-stats.ts";
import { SessionCount } from "./session-count.ts";
import { isOwnedSession } from "./session-owner.ts";
import { type Shared, type SharedLimits, SharedSession, type SharingPool } from "./shared-session.ts";
import { Waiters } from "./waiters.ts";

export interface SingletonPoolOptions extends Partial<SharedLimits> {
  readonly clock: Clock;
  /**
   * Whether a connect is given up when the last call that waits for it goes away; else it goes on, and the session is
   * there for the next call. False if not given.
   */
  readonly allowInterrupts?: boolean;
  /** Calls that may wait for a connect: no limit if not given. */
  readonly maxWaiters?: number;
  readonly stats?: StatsReceiver;
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
export class SingletonPool<Req, Rep>
  implements Service<Req, Rep>, PoolFigures, DialingPool<Req, Rep>, SharingPool<Req, Rep>
{
  readonly clock: Clock;
  readonly limits: SharedLimits;
  /** Nothing that Finagle would count as cached. */
  readonly spare = 0;
  readonly #factory: ServiceFactory<Req, Rep>;
  readonly #allowInterrupts: boolean;
  readonly #maxWaiters: number;
  readonly #waiters: Waiters<Req, Rep>;
  readonly #stats: PoolStats;
  readonly #sessions: SessionCount = new SessionCount();
  readonly #failedConnects: Counter;
  readonly #deadConnects: Counter;
  #current: SharedSession<Req, Rep> | undefined = undefined;
  #dial: Dial<Req, Rep> | undefined = undefined;

  constructor(factory: ServiceFactory<Req, Rep>, options: SingletonPoolOptions) {
    const never = Number.POSITIVE_INFINITY;
    const stats = options.stats ?? nullStats;
    this.clock = options.clock;
    this.limits = {
      sessionIdleTimeMs: options.sessionIdleTimeMs ?? never,
      sessionLifeTimeMs: options.sessionLifeTimeMs ?? never,
    };
    this.#factory = factory;
    this.#allowInterrupts = options.allowInterrupts ?? false;
    this.#maxWaiters = atLeast(0, "maxWaiters", options.maxWaiters ?? never);
    this.#waiters = new Waiters(options.clock, () => this.#giveUpConnect());
    this.#failedConnects = stats.counter("singletonpool", "connects", "fail");
    this.#deadConnects = stats.counter("singletonpool", "connects", "dead");
    this.#stats = PoolStats.of(stats);
    this.#stats.add(this);
  }

  /** Sessions that are open or being opened: one, and those that finish their last calls. */
  get size(): number {
    return this.#sessions.size;
  }

  get waiters(): number {
    return this.#waiters.size;
  }

  /** Calls that wait or are under way on the present session. */
  get load(): number {
    return this.#waiters.size + (this.#current?.calls ?? 0);
  }

  /** The worse of the factory's and the session's; a closed session does not count, since the next call replaces it. */
  get status(): Status {
    if (this.#sessions.closed !== undefined) return "closed";
    const session = this.#current?.session.status;
    return session === "busy" ? worst(session, this.#factory.status) : this.#factory.status;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    const current = this.#current;
    if (current !== undefined && current.session.status !== "closed") return current.call(req, ctx);
    return this.#callWithout(req, ctx);
  }

  #callWithout(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#sessions.closed !== undefined) return Promise.reject(new ClosedError("the pool"));
    if (this.#current !== undefined) this.retire(this.#current, undefined);
    if (this.#waiters.size >= this.#maxWaiters) {
      this.#stats.tooManyWaiters.inc();
      return Promise.reject(new PoolWaitersError(1, this.#maxWaiters));
    }
    if (this.#waiters.isLate(ctx)) return Promise.reject(new PoolDeadlineError(0));
    const promise = this.#waiters.wait(req, ctx);
    this.#connect();
    return promise;
  }

  #connect(): void {
    if (this.#dial !== undefined) return;
    this.#sessions.enter();
    this.#dial = new Dial(this);
    this.#dial.start(this.#factory);
  }

  opened(dial: Dial<Req, Rep>, session: Service<Req, Rep>): void {
    if (dial !== this.#dial) {
      // It was given up, and the factory did not hear of it in time.
      this.#sessions.discard(session);
      return;
    }
    this.#dial = undefined;
    if (session.status === "closed") {
      this.#deadConnects.inc();
      this.#sessions.discard(session);
      this.#waiters.fail(new DeadSessionError());
      return;
    }
    const shared = new SharedSession<Req, Rep>(this, session);
    if (isOwnedSession(session)) session.owner = shared;
    this.#current = shared;
    this.#serve(shared);
  }

  /** A session may close under the calls that it is given: those that are left wait for the next one. */
  #serve(shared: SharedSession<Req, Rep>): void {
    while (this.#current === shared && shared.session.status !== "closed") {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) return;
      if (waiter.ctx.ended) waiter.reject(new CancelledError());
      else waiter.resolve(shared.call(waiter.req, waiter.ctx));
    }
    this.retire(shared, undefined);
    if (this.#waiters.size > 0) this.#connect();
  }

  failed(dial: Dial<Req, Rep>, error: Error): void {
    const isGivenUp = dial !== this.#dial;
    this.#sessions.leave();
    if (isGivenUp) return;
    this.#dial = undefined;
    this.#failedConnects.inc();
    this.#waiters.fail(error);
  }

  /** A connect here is never for one call. */
  orphaned(): void {}

  #giveUpConnect(): void {
    const dial = this.#dial;
    if (dial === undefined || this.#waiters.size > 0 || !this.#allowInterrupts) return;
    this.#dial = undefined;
    dial.cancel(new CancelledError("every call that waited for the connect went away"));
  }

  retire(shared: Shared<Req, Rep>, why: "idle" | "lifetime" | undefined): void {
    if (this.#current === shared) this.#current = undefined;
    this.#stats.expired(why);
    shared.drain();
  }

  redial(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#sessions.closed === undefined) this.#stats.redials.inc();
    return this.call(req, ctx);
  }

  gone(): void {
    this.#sessions.leave();
  }

  /** A lame duck from here on: calls on the session finish, those that wait for a connect fail, and so do new ones. */
  close(): Promise<void> {
    if (this.#sessions.closed !== undefined) return this.#sessions.closed;
    const closed = this.#sessions.close(this.#factory);
    this.#stats.delete(this);
    const error = new ClosedError("the pool");
    const dial = this.#dial;
    this.#dial = undefined;
    this.#waiters.fail(error);
    dial?.cancel(error);
    if (this.#current !== undefined) this.retire(this.#current, undefined);
    return closed;
  }
}
