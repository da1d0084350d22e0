import {
  asError,
  CancelledError,
  type Clock,
  ClosedError,
  type Ctx,
  type Service,
  type ServiceFactory,
  type Status,
} from "@weftmesh/core";
import { nullStats, type StatsReceiver } from "@weftmesh/telemetry";
import { atLeast } from "./at-least.ts";
import { Dial, type DialingPool } from "./dial.ts";
import { PoolDeadlineError, PoolWaitersError } from "./errors.ts";
import { type Expiry, IdleReaper, type ReapedPool, type SessionLimits } from "./idle-reaper.ts";
import { IdleSessions } from "./idle-sessions.ts";
import { type PoolFigures, PoolStats } from "./pool-stats.ts";
import { SessionCount } from "./session-count.ts";
import { isOwnedSession } from "./session-owner.ts";
import { SessionSlot, type SlotPool } from "./session-slot.ts";
import { type Waiter, Waiters, waitFor } from "./waiters.ts";

export interface PoolOptions extends Partial<SessionLimits> {
  readonly clock: Clock;
  /** Sessions that are kept however long they are idle: 0 if not given. They are not opened beforehand. */
  readonly minSize?: number;
  /** Sessions at most, those being opened included: no limit if not given, and at least 1. */
  readonly maxSize?: number;
  /** Calls that may wait for a session once there are `maxSize`: no limit if not given. */
  readonly maxWaiters?: number;
  readonly stats?: StatsReceiver;
}

/**
 * Makes calls on sessions that it keeps, one call on each at a time.
 *
 * Shape: one per endpoint. An idle session is taken, the last one used first; else one is opened; else the call waits
 * its turn. A session comes back when its call's ctx ends, and is kept if it is still open then. A connect whose call
 * goes away is finished for the call that waits longest; it is cancelled when nobody waits.
 * Units: ms; none of the limits is set if not given. No call is ever cut short by a limit.
 * Errors: `WEFT_POOL_WAITERS` when too many wait, `WEFT_POOL_DEADLINE` when the call's deadline passes while it waits,
 * `WEFT_CLOSED` after `close`, else what the factory and its sessions fail with. RangeError for a size that is none.
 * Cost: a call on an idle session returns the session's own promise and allocates nothing.
 * Source: Finagle's buffering, caching and watermark pools and session expiry, as one thing; a session that is past
 * its time ends after its call, and a handed-over session never outlives its limit.
 */
export class Pool<Req, Rep>
  implements Service<Req, Rep>, PoolFigures, SlotPool<Req, Rep>, ReapedPool<Req, Rep>, DialingPool<Req, Rep>
{
  readonly idleSessions: IdleSessions<Req, Rep> = new IdleSessions();
  readonly #factory: ServiceFactory<Req, Rep>;
  readonly #minSize: number;
  readonly #maxSize: number;
  readonly #maxWaiters: number;
  readonly #waiters: Waiters<Req, Rep>;
  readonly #reaper: IdleReaper<Req, Rep>;
  readonly #stats: PoolStats;
  /** Beside those of `#size`, sessions that were told to close and have not said that they did. */
  readonly #sessions: SessionCount = new SessionCount();
  #size = 0;

  constructor(factory: ServiceFactory<Req, Rep>, options: PoolOptions) {
    const never = Number.POSITIVE_INFINITY;
    this.#factory = factory;
    this.#minSize = atLeast(0, "minSize", options.minSize ?? 0);
    this.#maxSize = atLeast(1, "maxSize", options.maxSize ?? never);
    this.#maxWaiters = atLeast(0, "maxWaiters", options.maxWaiters ?? never);
    const { idleTimeMs = never, sessionIdleTimeMs = never, sessionLifeTimeMs = never } = options;
    this.#reaper = new IdleReaper(this, { idleTimeMs, sessionIdleTimeMs, sessionLifeTimeMs }, options.clock);
    this.#waiters = new Waiters(options.clock);
    this.#stats = PoolStats.of(options.stats ?? nullStats);
    this.#stats.add(this);
  }

  /** Sessions that are idle. */
  get cached(): number {
    return this.idleSessions.size;
  }

  /** Sessions that are open or being opened. */
  get size(): number {
    return this.#size;
  }

  get waiters(): number {
    return this.#waiters.size;
  }

  get spare(): number {
    const inUse = this.#size - this.cached;
    return Math.max(this.cached - Math.max(this.#minSize - inUse, 0), 0);
  }

  get aboveMin(): boolean {
    return this.#size > this.#minSize;
  }

  /** The factory's own; `busy` when the next call would be refused. */
  get status(): Status {
    if (this.#sessions.closed !== undefined) return "closed";
    const full = this.#size >= this.#maxSize && this.cached === 0 && this.waiters >= this.#maxWaiters;
    const status = this.#factory.status;
    return full && status === "open" ? "busy" : status;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    for (;;) {
      const slot = this.idleSessions.takeNewest();
      if (slot === undefined) return this.#callWithoutIdle(req, ctx);
      if (slot.session.status === "open") {
        ctx.observe(slot);
        return slot.session.call(req, ctx);
      }
      this.#drop(slot);
    }
  }

  #callWithoutIdle(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#sessions.closed !== undefined) return Promise.reject(new ClosedError("the pool"));
    if (this.#size < this.#maxSize) {
      this.#size++;
      this.#sessions.enter();
      return waitFor(req, ctx, this.#dial);
    }
    if (this.#waiters.size >= this.#maxWaiters) {
      this.#stats.tooManyWaiters.inc();
      return Promise.reject(new PoolWaitersError(this.#maxSize, this.#maxWaiters));
    }
    if (this.#waiters.isLate(ctx)) return Promise.reject(new PoolDeadlineError(0));
    this.#stats.waited.inc();
    return this.#waiters.wait(req, ctx);
  }

  /** Opens a session for the waiter; whoever asks has counted it in `#size` already. */
  readonly #dial: (waiter: Waiter<Req, Rep>) => void = (waiter) => {
    const dial = new Dial<Req, Rep>(this);
    dial.hold(waiter);
    dial.start(this.#factory);
  };

  opened(dial: Dial<Req, Rep>, session: Service<Req, Rep>): void {
    const slot = new SessionSlot(this, session, this.#reaper.nowMs());
    if (isOwnedSession(session)) session.owner = slot;
    const waiter = dial.take();
    if (waiter === undefined || !this.#begin(slot, waiter)) this.release(slot);
  }

  failed(dial: Dial<Req, Rep>, error: Error): void {
    const waiter = dial.take();
    this.#leave();
    waiter?.reject(error);
  }

  orphaned(dial: Dial<Req, Rep>, reason: Error): void {
    const heir = this.#waiters.shift();
    if (heir === undefined) dial.cancel(reason);
    else dial.hold(heir);
  }

  /** Makes the waiter's call on the slot's session; false when that call is over. */
  #begin(slot: SessionSlot<Req, Rep>, waiter: Waiter<Req, Rep>): boolean {
    const { req, ctx } = waiter;
    if (ctx.ended) {
      waiter.reject(new CancelledError());
      return false;
    }
    ctx.observe(slot);
    // Whoever brought the session here has nothing to do with this call, and hears nothing of its failures.
    try {
      waiter.resolve(slot.session.call(req, ctx));
    } catch (thrown) {
      waiter.reject(asError(thrown));
    }
    return true;
  }

  /** The call on the slot's session is over. */
  release(slot: SessionSlot<Req, Rep>): void {
    if (slot.state !== "used") return;
    if (slot.session.status !== "open" || this.#sessions.closed !== undefined) {
      this.#drop(slot);
      return;
    }
    const nowMs = this.#reaper.nowMs();
    if (this.#reaper.isOld(slot, nowMs)) {
      this.expire(slot, "lifetime");
      return;
    }
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) {
      if (this.#begin(slot, waiter)) return;
    }
    slot.idleSinceMs = nowMs;
    this.idleSessions.push(slot);
    if (this.#reaper.active) this.#reaper.watch(slot, nowMs);
  }

  redial(slot: SessionSlot<Req, Rep>, req: Req, ctx: Ctx): Promise<Rep> {
    this.#discard(slot);
    if (this.#sessions.closed !== undefined) {
      this.#leave();
      return Promise.reject(new ClosedError("the pool"));
    }
    this.#stats.redials.inc();
    return waitFor(req, ctx, this.#dial);
  }

  /** The session closed by itself. */
  lose(slot: SessionSlot<Req, Rep>): void {
    if (slot.state === "idle") this.idleSessions.remove(slot);
    if (slot.state === "used") this.#drop(slot);
  }

  expire(slot: SessionSlot<Req, Rep>, why: Expiry): void {
    this.#stats.expired(why);
    if (slot.state === "idle") this.idleSessions.remove(slot);
    this.#drop(slot);
  }

  /** A lame duck from here on: calls that have a session, or a connect, finish; nothing else is begun. */
  close(): Promise<void> {
    if (this.#sessions.closed !== undefined) return this.#sessions.closed;
    const closed = this.#sessions.close(this.#factory);
    this.#reaper.stop();
    this.#stats.delete(this);
    for (let slot = this.idleSessions.takeNewest(); slot !== undefined; slot = this.idleSessions.takeNewest()) {
      this.#drop(slot);
    }
    this.#waiters.fail(new ClosedError("the pool"));
    return closed;
  }

  /** For a slot that is in none of the lists. */
  #drop(slot: SessionSlot<Req, Rep>): void {
    if (slot.state === "gone") return;
    this.#discard(slot);
    this.#leave();
  }

  /** Closes the session; its place stays taken. */
  #discard(slot: SessionSlot<Req, Rep>): void {
    slot.state = "gone";
    this.#sessions.enter();
    this.#sessions.discard(slot.session);
  }

  /** One session fewer; whoever waits longest gets the room. */
  #leave(): void {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      this.#dial(waiter);
      return;
    }
    this.#size--;
    this.#sessions.leave();
  }
}
