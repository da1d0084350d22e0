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
import { PoolWaitersError } from "./errors.ts";
import { type Expiry, IdleReaper, type ReapedPool, type SessionLimits } from "./idle-reaper.ts";
import { IdleSessions } from "./idle-sessions.ts";
import { type PoolFigures, PoolStats } from "./pool-stats.ts";
import { isOwnedSession } from "./session-owner.ts";
import { SessionSlot, type SlotPool } from "./session-slot.ts";
import { Waiters } from "./waiters.ts";

export interface PoolOptions extends Partial<SessionLimits> {
  readonly clock: Clock;
  /** Sessions that are kept however long they are idle: 0 if not given. They are not opened beforehand. */
  readonly minSize?: number;
  /** Sessions at most, those being opened included: no limit if not given. */
  readonly maxSize?: number;
  /** Calls that may wait for a session once there are `maxSize`: no limit if not given. */
  readonly maxWaiters?: number;
  readonly stats?: StatsReceiver;
}

/**
 * Makes calls on sessions that it keeps, one call on each at a time.
 *
 * Shape: one per endpoint. An idle session is taken, the last one used first; else one is opened; else the call waits
 * its turn. A session comes back when its call's ctx ends, and is kept if it is still open then.
 * Units: ms; none of the limits is set if not given. No call is ever cut short by a limit.
 * Errors: `WEFT_POOL_WAITERS` when too many wait, `WEFT_CLOSED` after `close`, else what the factory and its sessions
 * fail with.
 * Cost: a call on an idle session returns the session's own promise and allocates nothing.
 * Source: Finagle's caching and watermark pools and session expiry, as one thing; a session that is past its time ends
 * after its call, and a handed-over session never outlives its limit.
 */
export class Pool<Req, Rep> implements Service<Req, Rep>, PoolFigures, SlotPool<Req, Rep>, ReapedPool<Req, Rep> {
  readonly idleSessions: IdleSessions<Req, Rep> = new IdleSessions();
  readonly #factory: ServiceFactory<Req, Rep>;
  readonly #minSize: number;
  readonly #maxSize: number;
  readonly #maxWaiters: number;
  readonly #waiters: Waiters<Req, Rep> = new Waiters();
  readonly #reaper: IdleReaper<Req, Rep>;
  readonly #stats: PoolStats;
  #size = 0;
  /** Sessions that were told to close and have not said that they did. */
  #closing = 0;
  #closed: Promise<void> | undefined = undefined;
  #settleClose: (() => void) | undefined = undefined;

  constructor(factory: ServiceFactory<Req, Rep>, options: PoolOptions) {
    const never = Number.POSITIVE_INFINITY;
    this.#factory = factory;
    this.#minSize = options.minSize ?? 0;
    this.#maxSize = options.maxSize ?? never;
    this.#maxWaiters = options.maxWaiters ?? never;
    const { idleTimeMs = never, sessionIdleTimeMs = never, sessionLifeTimeMs = never } = options;
    this.#reaper = new IdleReaper(this, { idleTimeMs, sessionIdleTimeMs, sessionLifeTimeMs }, options.clock);
    this.#stats = PoolStats.of(options.stats ?? nullStats);
    this.#stats.add(this);
  }

  get cached(): number {
    return this.idleSessions.size;
  }

  get size(): number {
    return this.#size;
  }

  get waiters(): number {
    return this.#waiters.size;
  }

  get aboveMin(): boolean {
    return this.#size > this.#minSize;
  }

  /** The factory's own; `busy` when the next call would be refused. */
  get status(): Status {
    if (this.#closed !== undefined) return "closed";
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
    if (this.#closed !== undefined) return Promise.reject(new ClosedError("the pool"));
    if (this.#size < this.#maxSize) {
      this.#size++;
      return this.#open(req, ctx);
    }
    if (this.#waiters.size >= this.#maxWaiters) {
      this.#stats.tooManyWaiters.inc();
      return Promise.reject(new PoolWaitersError(this.#maxSize, this.#maxWaiters));
    }
    this.#stats.waited.inc();
    return this.#waiters.wait(req, ctx);
  }

  /** The caller has counted the session in `#size` already. */
  #open(req: Req, ctx: Ctx): Promise<Rep> {
    let opening: Promise<Service<Req, Rep>>;
    try {
      opening = this.#factory.open(ctx);
    } catch (thrown) {
      opening = Promise.reject(asError(thrown));
    }
    return opening.then(
      (session) => this.#begin(session, req, ctx),
      (error: Error) => {
        this.#leave();
        throw error;
      },
    );
  }

  #begin(session: Service<Req, Rep>, req: Req, ctx: Ctx): Promise<Rep> {
    const slot = new SessionSlot(this, session, this.#reaper.nowMs());
    if (isOwnedSession(session)) session.owner = slot;
    if (ctx.cancelled !== undefined || ctx.ended) {
      this.release(slot);
      return Promise.reject(ctx.cancelled ?? new CancelledError());
    }
    ctx.observe(slot);
    return session.call(req, ctx);
  }

  /** The call on the slot's session is over. */
  release(slot: SessionSlot<Req, Rep>): void {
    if (slot.state !== "used") return;
    if (slot.session.status !== "open" || this.#closed !== undefined) {
      this.#drop(slot);
      return;
    }
    const nowMs = this.#reaper.nowMs();
    if (this.#reaper.isOld(slot, nowMs)) {
      this.expire(slot, "lifetime");
      return;
    }
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) {
      if (waiter.ctx.ended) {
        waiter.reject(new CancelledError());
        continue;
      }
      waiter.ctx.observe(slot);
      waiter.resolve(slot.session.call(waiter.req, waiter.ctx));
      return;
    }
    slot.idleSinceMs = nowMs;
    this.idleSessions.push(slot);
    if (this.#reaper.active) this.#reaper.watch(slot, nowMs);
  }

  redial(slot: SessionSlot<Req, Rep>, req: Req, ctx: Ctx): Promise<Rep> {
    this.#discard(slot);
    this.#stats.redials.inc();
    return this.#open(req, ctx);
  }

  /** The session closed by itself. */
  lose(slot: SessionSlot<Req, Rep>): void {
    if (slot.state === "idle") this.idleSessions.remove(slot);
    if (slot.state === "used") this.#drop(slot);
  }

  expire(slot: SessionSlot<Req, Rep>, why: Expiry): void {
    if (why === "lifetime") this.#stats.lifeExpired.inc();
    else if (why === "idle") this.#stats.idleExpired.inc();
    if (slot.state === "idle") this.idleSessions.remove(slot);
    this.#drop(slot);
  }

  close(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    this.#closed = new Promise<void>((resolve) => {
      this.#settleClose = resolve;
    }).then(() => this.#factory.close());
    this.#reaper.stop();
    this.#stats.delete(this);
    for (let slot = this.idleSessions.takeNewest(); slot !== undefined; slot = this.idleSessions.takeNewest()) {
      this.#drop(slot);
    }
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) {
      waiter.reject(new ClosedError("the pool"));
    }
    this.#settleIfEmpty();
    return this.#closed;
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
    this.#closing++;
    const done = () => {
      this.#closing--;
      this.#settleIfEmpty();
    };
    // A session that could not close cleanly is as gone as one that could; its transport has counted the failure.
    slot.session.close().then(done, done);
  }

  /** One session fewer; whoever waits longest gets the room. */
  #leave(): void {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve(this.#open(waiter.req, waiter.ctx));
      return;
    }
    this.#size--;
    this.#settleIfEmpty();
  }

  #settleIfEmpty(): void {
    if (this.#settleClose === undefined || this.#size > 0 || this.#closing > 0) return;
    this.#settleClose();
    this.#settleClose = undefined;
  }
}
