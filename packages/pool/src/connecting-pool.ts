import { type Clock, ClosedError, type Ctx, type Service, type ServiceFactory, type Status } from "@weftmesh/core";
import { type Counter, nullStats, type StatsReceiver } from "@weftmesh/telemetry";
import { atLeast } from "./at-least.ts";
import { Dial, type DialingPool } from "./dial.ts";
import { DeadSessionError, PoolDeadlineError, PoolWaitersError } from "./errors.ts";
import { type PoolFigures, PoolStats } from "./pool-stats.ts";
import { SessionCount } from "./session-count.ts";
import type { Shared, SharedLimits, SharingPool } from "./shared-session.ts";
import { Waiters } from "./waiters.ts";

export interface ConnectingPoolOptions extends Partial<SharedLimits> {
  readonly clock: Clock;
  /** Calls that may wait for a session: no limit if not given. */
  readonly maxWaiters?: number;
  readonly stats?: StatsReceiver;
}

const never = Number.POSITIVE_INFINITY;

/**
 * What pools of shared sessions have in common: calls that wait, one connect at a time, and an end behind the last call.
 *
 * Shape: a connect is for whoever waits, and not for the call that made it begin. What becomes of its session, and of
 * those that wait when it fails, is up to the pool.
 */
export abstract class ConnectingPool<Req, Rep>
  implements Service<Req, Rep>, PoolFigures, DialingPool<Req, Rep>, SharingPool<Req, Rep>
{
  readonly clock: Clock;
  readonly limits: SharedLimits;
  /** Nothing that Finagle would count as cached. */
  readonly spare = 0;
  protected readonly factory: ServiceFactory<Req, Rep>;
  protected readonly waiting: Waiters<Req, Rep>;
  protected readonly stats: PoolStats;
  protected connecting: Dial<Req, Rep> | undefined = undefined;
  readonly #sessions = new SessionCount();
  readonly #maxWaiters: number;
  readonly #failedConnects: Counter;
  readonly #deadConnects: Counter;

  constructor(factory: ServiceFactory<Req, Rep>, options: ConnectingPoolOptions) {
    const stats = options.stats ?? nullStats;
    this.clock = options.clock;
    this.limits = {
      sessionIdleTimeMs: options.sessionIdleTimeMs ?? never,
      sessionLifeTimeMs: options.sessionLifeTimeMs ?? never,
    };
    this.factory = factory;
    this.#maxWaiters = atLeast(0, "maxWaiters", options.maxWaiters ?? never);
    this.waiting = new Waiters(options.clock, () => this.waiterLeft());
    this.#failedConnects = stats.counter("singletonpool", "connects", "fail");
    this.#deadConnects = stats.counter("singletonpool", "connects", "dead");
    this.stats = PoolStats.of(stats);
  }

  abstract readonly status: Status;
  abstract call(req: Req, ctx: Ctx): Promise<Rep>;
  abstract retire(shared: Shared<Req, Rep>, why: "idle" | "lifetime" | undefined): void;
  /** A session is there, and open. */
  protected abstract adopt(session: Service<Req, Rep>): void;
  /** A connect has brought no session. */
  protected abstract connectFailed(error: Error): void;
  protected abstract retireAll(): void;
  /** One that waited has gone by himself. */
  protected waiterLeft(): void {}

  /** Sessions that are open or being opened, those that finish their last calls among them. */
  get size(): number {
    return this.#sessions.size;
  }

  get waiters(): number {
    return this.waiting.size;
  }

  protected get isClosed(): boolean {
    return this.#sessions.closed !== undefined;
  }

  /** Why a call may not wait among so many sessions; undefined where it may. */
  protected refusal(ctx: Ctx, sessions: number): Error | undefined {
    if (this.waiting.size >= this.#maxWaiters) {
      this.stats.tooManyWaiters.inc();
      return new PoolWaitersError(sessions, this.#maxWaiters);
    }
    return this.waiting.isLate(ctx) ? new PoolDeadlineError(0) : undefined;
  }

  protected connect(): void {
    this.#sessions.enter();
    this.connecting = new Dial(this);
    this.connecting.start(this.factory);
  }

  opened(dial: Dial<Req, Rep>, session: Service<Req, Rep>): void {
    if (dial !== this.connecting) {
      // It was given up, and the factory did not hear of it in time.
      this.#sessions.discard(session);
      return;
    }
    this.connecting = undefined;
    if (session.status !== "closed") {
      this.adopt(session);
      return;
    }
    this.#deadConnects.inc();
    this.#sessions.discard(session);
    this.connectFailed(new DeadSessionError());
  }

  failed(dial: Dial<Req, Rep>, error: Error): void {
    const isGivenUp = dial !== this.connecting;
    this.#sessions.leave();
    if (isGivenUp) return;
    this.connecting = undefined;
    this.#failedConnects.inc();
    this.connectFailed(error);
  }

  /** A connect here is never for one call. */
  orphaned(): void {}

  redial(req: Req, ctx: Ctx): Promise<Rep> {
    if (!this.isClosed) this.stats.redials.inc();
    return this.call(req, ctx);
  }

  gone(): void {
    this.#sessions.leave();
  }

  /** A lame duck from here on: calls on sessions finish, those that wait fail, and so do new ones. */
  close(): Promise<void> {
    if (this.#sessions.closed !== undefined) return this.#sessions.closed;
    const closed = this.#sessions.close(this.factory);
    this.stats.delete(this);
    const error = new ClosedError("the pool");
    const dial = this.connecting;
    this.connecting = undefined;
    this.waiting.fail(error);
    dial?.cancel(error);
    this.retireAll();
    return closed;
  }
}
