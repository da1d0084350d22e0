import { asError, type Clock, type Ctx, type Observer, type Service, type Timer } from "@weftmesh/core";
import type { SessionOwner } from "./session-owner.ts";

/** How long a session that many calls share may live. */
export interface SharedLimits {
  /** How long a session may be without a call. */
  readonly sessionIdleTimeMs: number;
  /** How old a session may grow; an older one takes no new calls, and goes when its last call is over. */
  readonly sessionLifeTimeMs: number;
}

/** A session in use, as its pool sees it. */
export interface Shared<Req, Rep> extends SessionOwner<Req, Rep> {
  readonly session: Service<Req, Rep>;
  /** Calls that have not ended. */
  readonly calls: number;
  call(req: Req, ctx: Ctx): Promise<Rep>;
  /** Lets its calls finish, and closes it behind the last. */
  drain(): void;
}

/** What a shared session asks of its pool. */
export interface SharingPool<Req, Rep> {
  readonly clock: Clock;
  readonly limits: SharedLimits;
  /** It must take no more calls. `why` is undefined when it closed by itself. */
  retire(shared: Shared<Req, Rep>, why: "idle" | "lifetime" | undefined): void;
  redial(req: Req, ctx: Ctx): Promise<Rep>;
  /** One of its calls is over. Absent where nobody waits for that. */
  freed?(): void;
  /** Its service is closed. */
  gone(): void;
}

/**
 * A session that takes many calls at a time, and the count of them.
 *
 * Shape: it observes each of its calls itself. Once it is drained it takes no more of them, and its service is closed
 * when the last one is over, so that no limit ever cuts a call short.
 * Cost: nothing per call but the count, and a look at the clock when the last call ends if it may not be idle for ever.
 * One timer, and none without limits.
 */
export class SharedSession<Req, Rep> implements Observer, Shared<Req, Rep> {
  readonly session: Service<Req, Rep>;
  /** Calls that have not ended. */
  calls = 0;
  readonly #pool: SharingPool<Req, Rep>;
  readonly #idleTimeMs: number;
  readonly #expiresMs: number;
  #idleSinceMs = 0;
  #timer: Timer | undefined = undefined;
  #wakeMs = Number.POSITIVE_INFINITY;
  #state: "live" | "draining" | "closing" = "live";

  /** `limits` are those of the pool unless they are given. */
  constructor(pool: SharingPool<Req, Rep>, session: Service<Req, Rep>, limits: SharedLimits = pool.limits) {
    const { clock } = pool;
    const { sessionIdleTimeMs, sessionLifeTimeMs } = limits;
    this.session = session;
    this.#pool = pool;
    this.#idleTimeMs = sessionIdleTimeMs;
    this.#expiresMs = Number.isFinite(sessionLifeTimeMs) ? clock.now() + sessionLifeTimeMs : sessionLifeTimeMs;
    this.#arm(this.#expiresMs);
    this.#fallIdle();
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    this.calls++;
    ctx.observe(this);
    try {
      return this.session.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  onEnd(): void {
    this.calls--;
    this.#pool.freed?.();
    if (this.calls > 0) return;
    if (this.#state === "draining") this.#close();
    else if (this.#state === "live") this.#fallIdle();
  }

  redial(req: Req, ctx: Ctx): Promise<Rep> {
    this.sessionClosed();
    return this.#pool.redial(req, ctx);
  }

  sessionClosed(): void {
    if (this.#state === "live") this.#pool.retire(this, undefined);
  }

  /** Lets its calls finish, and closes it behind the last. */
  drain(): void {
    if (this.#state !== "live") return;
    this.#state = "draining";
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.calls === 0) this.#close();
  }

  #close(): void {
    this.#state = "closing";
    const gone = () => this.#pool.gone();
    // A session that could not close cleanly is as gone as one that could; its transport has counted the failure.
    this.session.close().then(gone, gone);
  }

  #fallIdle(): void {
    if (this.#idleTimeMs === Number.POSITIVE_INFINITY) return;
    this.#idleSinceMs = this.#pool.clock.now();
    this.#arm(this.#idleSinceMs + this.#idleTimeMs);
  }

  /** A timer that wakes too early stays: the wake costs less than a new timer whenever the session falls idle. */
  #arm(dueMs: number): void {
    if (this.#timer !== undefined && this.#wakeMs <= dueMs) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#pool;
    this.#wakeMs = dueMs;
    this.#timer = clock.after(dueMs - clock.now(), this.#wake);
  }

  readonly #wake: () => void = () => {
    this.#timer = undefined;
    const nowMs = this.#pool.clock.now();
    const idleDueMs = this.calls > 0 ? Number.POSITIVE_INFINITY : this.#idleSinceMs + this.#idleTimeMs;
    if (nowMs >= this.#expiresMs) this.#pool.retire(this, "lifetime");
    else if (nowMs >= idleDueMs) this.#pool.retire(this, "idle");
    else this.#arm(Math.min(this.#expiresMs, idleDueMs));
  };
}
