import {
  CancelledError,
  type Clock,
  ClosedError,
  type Ctx,
  type Service,
  type ServiceFactory,
  type Status,
} from "@weftmesh/core";
import { type Counter, nullStats, type StatsReceiver } from "@weftmesh/telemetry";
import { atLeast } from "./at-least.ts";
import { Dial, type DialingPool } from "./dial.ts";
import { DeadSessionError, PoolDeadlineError, PoolWaitersError } from "./errors.ts";
import { isMultiplexed, Multiplexed } from "./multiplexed-session.ts";
import { type PoolFigures, PoolStats } from "./pool-stats.ts";
import { SessionCount } from "./session-count.ts";
import { isOwnedSession } from "./session-owner.ts";
import { type Shared, type SharedLimits, SharedSession, type SharingPool } from "./shared-session.ts";
import { Waiters } from "./waiters.ts";

export interface SharedPoolOptions extends Partial<SharedLimits> {
  readonly clock: Clock;
  /** Sessions at most: no limit if not given. */
  readonly maxSize?: number;
  /** Sessions that `idleTimeMs` leaves alone: none if not given. */
  readonly minSize?: number;
  /** How long a session beyond those may be without a call: for ever if not given. */
  readonly idleTimeMs?: number;
  /** Calls that may wait for a session: no limit if not given. */
  readonly maxWaiters?: number;
  readonly stats?: StatsReceiver;
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
export class SharedPool<Req, Rep>
  implements Service<Req, Rep>, PoolFigures, DialingPool<Req, Rep>, SharingPool<Req, Rep>
{
  readonly clock: Clock;
  readonly limits: SharedLimits;
  /** Nothing that Finagle would count as cached. */
  readonly spare = 0;
  readonly #factory: ServiceFactory<Req, Rep>;
  readonly #spareLimits: SharedLimits;
  readonly #maxSize: number;
  readonly #minSize: number;
  readonly #maxWaiters: number;
  readonly #waiters: Waiters<Req, Rep>;
  readonly #stats: PoolStats;
  readonly #sessions: SessionCount = new SessionCount();
  readonly #failedConnects: Counter;
  readonly #deadConnects: Counter;
  /** Those that take calls, or may do so again. */
  readonly #live: Shared<Req, Rep>[] = [];
  #dial: Dial<Req, Rep> | undefined = undefined;
  #serveDue = false;

  constructor(factory: ServiceFactory<Req, Rep>, options: SharedPoolOptions) {
    const stats = options.stats ?? nullStats;
    this.clock = options.clock;
    const sessionIdleTimeMs = options.sessionIdleTimeMs ?? never;
    const sessionLifeTimeMs = options.sessionLifeTimeMs ?? never;
    this.limits = { sessionIdleTimeMs, sessionLifeTimeMs };
    this.#spareLimits = {
      sessionIdleTimeMs: Math.min(sessionIdleTimeMs, options.idleTimeMs ?? never),
      sessionLifeTimeMs,
    };
    this.#factory = factory;
    this.#maxSize = atLeast(1, "maxSize", options.maxSize ?? never);
    this.#minSize = atLeast(0, "minSize", options.minSize ?? 0);
    this.#maxWaiters = atLeast(0, "maxWaiters", options.maxWaiters ?? never);
    this.#waiters = new Waiters(options.clock);
    this.#failedConnects = stats.counter("singletonpool", "connects", "fail");
    this.#deadConnects = stats.counter("singletonpool", "connects", "dead");
    this.#stats = PoolStats.of(stats);
    this.#stats.add(this);
  }

  /** Sessions that are open or being opened, those that finish their last calls among them. */
  get size(): number {
    return this.#sessions.size;
  }

  get waiters(): number {
    return this.#waiters.size;
  }

  /** Calls that wait or are under way on sessions that take calls. */
  get load(): number {
    return this.#live.reduce((sum, { calls }) => sum + calls, this.#waiters.size);
  }

  /** `busy` while no session takes a call and there may be no other. */
  get status(): Status {
    if (this.#sessions.closed !== undefined) return "closed";
    const first = this.#live[0];
    if (first === undefined || this.#live.length < this.#maxSize || first.session.status === "open") {
      return this.#factory.status;
    }
    return this.#free() === undefined && this.#live.every(({ session }) => session.status === "busy")
      ? "busy"
      : this.#factory.status;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    const first = this.#live[0];
    if (first !== undefined && first.session.status === "open" && this.#waiters.size === 0) return first.call(req, ctx);
    return this.#callWithout(req, ctx);
  }

  #callWithout(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#sessions.closed !== undefined) return Promise.reject(new ClosedError("the pool"));
    this.#dropClosed();
    // Those that wait were here first.
    const free = this.#waiters.size === 0 ? this.#free() : undefined;
    if (free !== undefined) return free.call(req, ctx);
    if (this.#waiters.size >= this.#maxWaiters) {
      this.#stats.tooManyWaiters.inc();
      return Promise.reject(new PoolWaitersError(this.#live.length, this.#maxWaiters));
    }
    if (this.#waiters.isLate(ctx)) return Promise.reject(new PoolDeadlineError(0));
    if (this.#live.length > 0) this.#stats.waited.inc();
    const promise = this.#waiters.wait(req, ctx);
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
    while (this.#waiters.size > 0) {
      const shared = this.#free();
      if (shared === undefined) {
        this.#dropClosed();
        this.#connect();
        return;
      }
      const waiter = this.#waiters.shift();
      if (waiter === undefined) return;
      if (waiter.ctx.ended) waiter.reject(new CancelledError());
      else waiter.resolve(shared.call(waiter.req, waiter.ctx));
    }
  }

  #connect(): void {
    if (this.#dial !== undefined || this.#live.length >= this.#maxSize || this.#sessions.closed !== undefined) return;
    // A peer that takes no calls at all takes none on another connection either.
    if (this.#live.some(({ calls }) => calls === 0)) return;
    this.#sessions.enter();
    this.#dial = new Dial(this);
    this.#dial.start(this.#factory);
  }

  opened(dial: Dial<Req, Rep>, session: Service<Req, Rep>): void {
    if (dial !== this.#dial) {
      this.#sessions.discard(session);
      return;
    }
    this.#dial = undefined;
    if (session.status === "closed") {
      this.#deadConnects.inc();
      this.#sessions.discard(session);
      this.#connectFailed(new DeadSessionError());
      return;
    }
    const limits = this.#live.length < this.#minSize ? this.limits : this.#spareLimits;
    const shared: Shared<Req, Rep> = isMultiplexed(session)
      ? new Multiplexed<Req, Rep>(this, session, limits)
      : new SharedSession<Req, Rep>(this, session, limits);
    if (isOwnedSession(session)) session.owner = shared;
    this.#live.push(shared);
    this.#serve();
  }

  failed(dial: Dial<Req, Rep>, error: Error): void {
    const isGivenUp = dial !== this.#dial;
    this.#sessions.leave();
    if (isGivenUp) return;
    this.#dial = undefined;
    this.#failedConnects.inc();
    this.#connectFailed(error);
  }

  /** Those that wait have other sessions to wait for, or none. */
  #connectFailed(error: Error): void {
    this.#dropClosed();
    if (this.#live.length === 0) this.#waiters.fail(error);
  }

  /** A connect here is never for one call. */
  orphaned(): void {}

  retire(shared: Shared<Req, Rep>, why: "idle" | "lifetime" | undefined): void {
    const at = this.#live.indexOf(shared);
    if (at >= 0) this.#live.splice(at, 1);
    this.#stats.expired(why);
    shared.drain();
    if (at >= 0) this.freed();
  }

  /** The session may not know yet that the call is over: whoever waits is served when it does. */
  freed(): void {
    if (this.#serveDue || this.#waiters.size === 0) return;
    this.#serveDue = true;
    void Promise.resolve().then(this.#serveNow);
  }

  readonly #serveNow: () => void = () => {
    this.#serveDue = false;
    if (this.#sessions.closed === undefined) this.#serve();
  };

  redial(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#sessions.closed === undefined) this.#stats.redials.inc();
    return this.call(req, ctx);
  }

  gone(): void {
    this.#sessions.leave();
  }

  /** A lame duck from here on: calls on the sessions finish, those that wait fail, and so do new ones. */
  close(): Promise<void> {
    if (this.#sessions.closed !== undefined) return this.#sessions.closed;
    const closed = this.#sessions.close(this.#factory);
    this.#stats.delete(this);
    const error = new ClosedError("the pool");
    const dial = this.#dial;
    this.#dial = undefined;
    this.#waiters.fail(error);
    dial?.cancel(error);
    for (const shared of [...this.#live]) this.retire(shared, undefined);
    return closed;
  }
}
