import {
  CancelledError,
  type Clock,
  ClosedError,
  type Ctx,
  type Service,
  type ServiceFactory,
  type Status,
} from "@weftmesh/core";
import { type Counter, nullStats } from "@weftmesh/telemetry";
import { atLeast } from "./at-least.ts";
import { Dial, type DialingPool } from "./dial.ts";
import { DeadSessionError, PoolDeadlineError, PoolWaitersError } from "./errors.ts";
import { Multiplexed, type MultiplexedSession, type MultiplexingPool } from "./multiplexed-session.ts";
import { type PoolFigures, PoolStats } from "./pool-stats.ts";
import type { SharedLimits } from "./shared-session.ts";
import type { SingletonPoolOptions } from "./singleton-pool.ts";
import { Waiters } from "./waiters.ts";

export interface MultiplexPoolOptions extends SingletonPoolOptions {
  /** Sessions that take calls, at most; no limit if not given. */
  readonly maxSessions?: number;
}

/**
 * Makes calls on one session that they share, and on another one when the peer takes no more of them there: for HTTP/2.
 *
 * Shape: one per endpoint. A call goes to the first session that has room, so that an endpoint with little to do has
 * one. When none has, a connect is made, one at a time and only while calls wait, who take whatever comes first: its
 * session, or room on another. A session that closes, is past its time or was idle for too long is taken out, and ends
 * behind its last call.
 * Units: ms; none of the limits is set if not given. No call is ever cut short by a limit.
 * Errors: `WEFT_POOL_WAITERS` when too many wait, `WEFT_POOL_DEADLINE` when the call's deadline passes while it waits,
 * `WEFT_POOL_DEAD_SESSION` when the fresh session is closed already, `WEFT_CLOSED` after `close`, else what the factory
 * and its sessions fail with.
 * Cost: a call on an open session returns the session's own promise and allocates nothing.
 */
export class MultiplexPool<Req, Rep>
  implements Service<Req, Rep>, PoolFigures, DialingPool<Req, Rep>, MultiplexingPool<Req, Rep>
{
  readonly clock: Clock;
  readonly limits: SharedLimits;
  readonly spare = 0;
  readonly #factory: ServiceFactory<Req, Rep>;
  readonly #allowInterrupts: boolean;
  readonly #maxWaiters: number;
  readonly #maxSessions: number;
  readonly #waiters: Waiters<Req, Rep>;
  readonly #stats: PoolStats;
  readonly #failedConnects: Counter;
  readonly #deadConnects: Counter;
  /** Those that take calls, oldest first. */
  readonly #live: Multiplexed<Req, Rep>[] = [];
  #dial: Dial<Req, Rep> | undefined = undefined;
  /** Sessions and connects that are not over, be they given up. */
  #size = 0;
  #closed: Promise<void> | undefined = undefined;
  #settleClose: (() => void) | undefined = undefined;

  constructor(factory: ServiceFactory<Req, Rep>, options: MultiplexPoolOptions) {
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
    this.#maxSessions = atLeast(1, "maxSessions", options.maxSessions ?? never);
    this.#waiters = new Waiters(options.clock, () => this.#giveUpConnect());
    this.#failedConnects = stats.counter("multiplexpool", "connects", "fail");
    this.#deadConnects = stats.counter("multiplexpool", "connects", "dead");
    this.#stats = PoolStats.of(stats);
    this.#stats.add(this);
  }

  /** Sessions that are open or being opened, and those that finish their last calls. */
  get size(): number {
    return this.#size;
  }

  get waiters(): number {
    return this.#waiters.size;
  }

  /** Calls that wait or are under way on sessions that take calls. */
  get load(): number {
    let load = this.#waiters.size;
    for (const each of this.#live) load += each.session.load;
    return load;
  }

  /** That of the factory, unless all the sessions that may be are busy. */
  get status(): Status {
    if (this.#closed !== undefined) return "closed";
    const { status } = this.#factory;
    if (status !== "open" || this.#live.length < this.#maxSessions) return status;
    return this.#live.some((each) => each.session.status === "open") ? status : "busy";
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    const live = this.#live;
    for (let i = 0; i < live.length; i++) {
      const each = live[i] as Multiplexed<Req, Rep>;
      if (each.session.status === "open") return each.call(req, ctx);
    }
    return this.#callLater(req, ctx);
  }

  #callLater(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#closed !== undefined) return Promise.reject(new ClosedError("the pool"));
    if (this.#waiters.size >= this.#maxWaiters) {
      this.#stats.tooManyWaiters.inc();
      return Promise.reject(new PoolWaitersError(Math.max(1, this.#live.length), this.#maxWaiters));
    }
    if (this.#waiters.isLate(ctx)) return Promise.reject(new PoolDeadlineError(0));
    if (this.#live.length > 0) this.#stats.waited.inc();
    const promise = this.#waiters.wait(req, ctx);
    this.#connect();
    return promise;
  }

  #connect(): void {
    if (this.#dial !== undefined || this.#live.length >= this.#maxSessions || this.#waiters.size === 0) return;
    // A peer that takes no calls at all takes none on another connection either.
    if (this.#live.some((each) => each.session.load === 0)) return;
    this.#size++;
    this.#dial = new Dial(this);
    this.#dial.start(this.#factory);
  }

  opened(dial: Dial<Req, Rep>, session: Service<Req, Rep>): void {
    if (dial !== this.#dial) {
      // It was given up, and the factory did not hear of it in time.
      this.#discard(session);
      return;
    }
    this.#dial = undefined;
    if (session.status === "closed") {
      this.#deadConnects.inc();
      this.#discard(session);
      this.#waiters.fail(new DeadSessionError());
      return;
    }
    const multiplexed = new Multiplexed<Req, Rep>(this, session as MultiplexedSession<Req, Rep>);
    multiplexed.session.owner = multiplexed;
    this.#live.push(multiplexed);
    this.room();
  }

  /** Those that wait are served as far as there is room, and a connect is made for the rest. */
  room(): void {
    for (let i = 0; i < this.#live.length && this.#waiters.size > 0; i++) {
      const each = this.#live[i] as Multiplexed<Req, Rep>;
      while (each.session.status === "open") {
        const waiter = this.#waiters.shift();
        if (waiter === undefined) return;
        if (waiter.ctx.ended) waiter.reject(new CancelledError());
        else waiter.resolve(each.call(waiter.req, waiter.ctx));
      }
    }
    this.#connect();
  }

  failed(dial: Dial<Req, Rep>, error: Error): void {
    const isGivenUp = dial !== this.#dial;
    this.#leave();
    if (isGivenUp) return;
    this.#dial = undefined;
    this.#failedConnects.inc();
    // Where there is a session, there will be room.
    if (this.#live.length === 0) this.#waiters.fail(error);
  }

  /** A connect here is never for one call. */
  orphaned(): void {}

  #giveUpConnect(): void {
    const dial = this.#dial;
    if (dial === undefined || this.#waiters.size > 0 || !this.#allowInterrupts) return;
    this.#dial = undefined;
    dial.cancel(new CancelledError("every call that waited for the connect went away"));
  }

  retire(shared: Multiplexed<Req, Rep>, why: "idle" | "lifetime" | undefined): void {
    const i = this.#live.indexOf(shared);
    if (i >= 0) this.#live.splice(i, 1);
    if (why === "lifetime") this.#stats.lifeExpired.inc();
    else if (why === "idle") this.#stats.idleExpired.inc();
    shared.drain();
    if (this.#closed === undefined) this.#connect();
  }

  redial(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#closed === undefined) this.#stats.redials.inc();
    return this.call(req, ctx);
  }

  gone(): void {
    this.#leave();
  }

  /** A lame duck from here on: calls on sessions finish, those that wait for a connect fail, and so do new ones. */
  close(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    this.#closed = new Promise<void>((resolve) => {
      this.#settleClose = resolve;
    }).then(() => this.#factory.close());
    this.#stats.delete(this);
    const error = new ClosedError("the pool");
    const dial = this.#dial;
    this.#dial = undefined;
    this.#waiters.fail(error);
    dial?.cancel(error);
    for (const each of this.#live.splice(0)) each.drain();
    this.#settleIfEmpty();
    return this.#closed;
  }

  #discard(session: Service<Req, Rep>): void {
    const gone = () => this.#leave();
    session.close().then(gone, gone);
  }

  #leave(): void {
    this.#size--;
    this.#settleIfEmpty();
  }

  #settleIfEmpty(): void {
    if (this.#settleClose === undefined || this.#size > 0) return;
    this.#settleClose();
    this.#settleClose = undefined;
  }
}
