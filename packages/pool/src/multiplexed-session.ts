import { asError, type Ctx, type Service, type Timer } from "@weftmesh/core";
import type { SessionOwner } from "./session-owner.ts";
import type { SharedLimits, SharingPool } from "./shared-session.ts";

/** A session that counts its own calls, and knows how many its peer takes: `busy` while it has as many. */
export interface MultiplexedSession<Req, Rep> extends Service<Req, Rep> {
  owner: SessionOwner<Req, Rep> | undefined;
  /** Calls under way. */
  readonly load: number;
}

export function isMultiplexed<Req, Rep>(session: Service<Req, Rep>): session is MultiplexedSession<Req, Rep> {
  return "load" in session && "owner" in session;
}

/** Idleness is looked at this often within its limit, and at least once in so many ms. */
const looks = 8;
const coarsestMs = 1_000;

/**
 * A session's place in its pool.
 *
 * Shape: it watches no call: the session says what it has under way, and when it closed it lets that end first. Whether
 * it was idle is seen by looking now and then.
 * Units: a session goes at its limit or up to an eighth of it, at most 1 s, later; never earlier.
 * Cost: nothing per call but a count.
 */
export class Multiplexed<Req, Rep> implements SessionOwner<Req, Rep> {
  readonly session: MultiplexedSession<Req, Rep>;
  /** Calls that were made on it. */
  private made = 0;
  private madeBefore = 0;
  /** Since when it has been seen without a call; -1 with one. */
  private idleSinceMs: number;
  private readonly pool: SharingPool<Req, Rep>;
  private readonly limits: SharedLimits;
  private readonly openedMs: number;
  private timer: Timer | undefined = undefined;
  private isLive = true;

  constructor(pool: SharingPool<Req, Rep>, session: MultiplexedSession<Req, Rep>, limits: SharedLimits) {
    this.session = session;
    this.pool = pool;
    this.limits = limits;
    this.openedMs = pool.clock.now();
    this.idleSinceMs = this.openedMs;
    this.arm(this.openedMs);
  }

  /** Calls that have not ended. */
  get calls(): number {
    return this.session.load;
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    this.made++;
    try {
      return this.session.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  redial(req: Req, ctx: Ctx): Promise<Rep> {
    this.sessionClosed();
    return this.pool.redial(req, ctx);
  }

  sessionClosed(): void {
    if (this.isLive) this.pool.retire(this, undefined);
  }

  sessionRoom(): void {
    if (this.isLive) this.pool.freed?.();
  }

  /** It takes no more calls, and closes behind the last. */
  drain(): void {
    if (!this.isLive) return;
    this.isLive = false;
    this.timer?.cancel();
    this.timer = undefined;
    const gone = () => this.pool.gone();
    // A session that could not close cleanly is as gone as one that could; its transport has counted the failure.
    this.session.close().then(gone, gone);
  }

  private arm(nowMs: number): void {
    const { sessionIdleTimeMs, sessionLifeTimeMs } = this.limits;
    const lifeMs = this.openedMs + sessionLifeTimeMs - nowMs;
    const idleMs =
      this.idleSinceMs === -1
        ? Math.min(sessionIdleTimeMs / looks, coarsestMs)
        : this.idleSinceMs + sessionIdleTimeMs - nowMs;
    const nextMs = sessionIdleTimeMs === Number.POSITIVE_INFINITY ? lifeMs : Math.min(lifeMs, idleMs);
    if (nextMs < Number.POSITIVE_INFINITY) this.timer = this.pool.clock.after(Math.max(nextMs, 0), this.look);
  }

  private readonly look: () => void = () => {
    this.timer = undefined;
    const nowMs = this.pool.clock.now();
    // When its last call ended is not known, save that it was before now.
    if (this.session.load > 0 || this.made !== this.madeBefore) this.idleSinceMs = -1;
    if (this.session.load === 0 && this.idleSinceMs === -1) this.idleSinceMs = nowMs;
    this.madeBefore = this.made;
    if (nowMs - this.openedMs >= this.limits.sessionLifeTimeMs) this.pool.retire(this, "lifetime");
    else if (this.idleSinceMs !== -1 && nowMs - this.idleSinceMs >= this.limits.sessionIdleTimeMs) {
      this.pool.retire(this, "idle");
    } else this.arm(nowMs);
  };
}
