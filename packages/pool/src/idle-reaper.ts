import type { Clock, Timer } from "@weftmesh/core";
import type { IdleSessions } from "./idle-sessions.ts";
import type { SessionSlot } from "./session-slot.ts";

export interface SessionLimits {
  /** How long a session beyond the pool's `minSize` may be idle. */
  readonly idleTimeMs: number;
  /** How long any session may be idle. */
  readonly sessionIdleTimeMs: number;
  /** How old a session may grow; one that is older goes when its call is over. */
  readonly sessionLifeTimeMs: number;
}

/** Why a session has to go: it is one too many, its own time is up, or its peer closed it and nobody said so. */
export type Expiry = "surplus" | "idle" | "lifetime" | "dead";

/** What a reaper asks of its pool. */
export interface ReapedPool<Req, Rep> {
  readonly idleSessions: IdleSessions<Req, Rep>;
  /** Whether the pool has more sessions than it keeps for ever. */
  readonly aboveMin: boolean;
  expire(slot: SessionSlot<Req, Rep>, why: Expiry): void;
}

/** Wakes for one session do not come closer together than this share of the shortest limit, nor than a second. */
const coarseness = 1 / 8;
const coarsestMs = 1_000;

/**
 * Closes the sessions that were idle too long or are too old: one timer per pool, and none while nothing is idle.
 *
 * Units: a session goes at its limit or up to an eighth of the shortest limit, at most 1 s, later; never earlier.
 * Cost: without limits, nothing, not even a look at the clock.
 */
export class IdleReaper<Req, Rep> {
  /** False when no limit is set. */
  readonly active: boolean;
  readonly #pool: ReapedPool<Req, Rep>;
  readonly #limits: SessionLimits;
  readonly #clock: Clock;
  readonly #coarseMs: number;
  #timer: Timer | undefined = undefined;
  #wakeMs = Number.POSITIVE_INFINITY;

  constructor(pool: ReapedPool<Req, Rep>, limits: SessionLimits, clock: Clock) {
    const shortestMs = Math.min(limits.idleTimeMs, limits.sessionIdleTimeMs, limits.sessionLifeTimeMs);
    this.active = Number.isFinite(shortestMs);
    this.#pool = pool;
    this.#limits = limits;
    this.#clock = clock;
    this.#coarseMs = Math.min(Math.max(shortestMs, 0) * coarseness, coarsestMs);
  }

  /** The time at which a session is opened or falls idle; not read when nobody will ask for it. */
  nowMs(): number {
    return this.active ? this.#clock.now() : 0;
  }

  isOld(slot: SessionSlot<Req, Rep>, nowMs: number): boolean {
    return nowMs - slot.openedMs >= this.#limits.sessionLifeTimeMs;
  }

  /** The slot has just fallen idle. */
  watch(slot: SessionSlot<Req, Rep>, nowMs: number): void {
    const dueMs = this.#dueMs(slot);
    if (dueMs >= this.#wakeMs - this.#coarseMs) return;
    // Where nothing may be idle at all, there is nothing to wait for.
    const why = dueMs > nowMs ? undefined : this.#expiryOf(slot, nowMs);
    if (why === undefined) this.#wakeAt(dueMs, nowMs);
    else this.#pool.expire(slot, why);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wakeMs = Number.POSITIVE_INFINITY;
  }

  readonly #reap: () => void = () => {
    this.#timer = undefined;
    this.#wakeMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.now();
    let nextMs = Number.POSITIVE_INFINITY;
    let slot = this.#pool.idleSessions.oldest;
    while (slot !== undefined) {
      const newer = slot.newer;
      const why = this.#expiryOf(slot, nowMs);
      if (why !== undefined) this.#pool.expire(slot, why);
      else nextMs = Math.min(nextMs, this.#dueMs(slot));
      slot = newer;
    }
    if (nextMs !== Number.POSITIVE_INFINITY) this.#wakeAt(nextMs, nowMs);
  };

  #expiryOf(slot: SessionSlot<Req, Rep>, nowMs: number): Expiry | undefined {
    if (slot.session.status !== "open") return "dead";
    const idleMs = nowMs - slot.idleSinceMs;
    if (this.isOld(slot, nowMs)) return "lifetime";
    if (idleMs >= this.#limits.sessionIdleTimeMs) return "idle";
    return idleMs >= this.#limits.idleTimeMs && this.#pool.aboveMin ? "surplus" : undefined;
  }

  #dueMs(slot: SessionSlot<Req, Rep>): number {
    const { idleTimeMs, sessionIdleTimeMs, sessionLifeTimeMs } = this.#limits;
    const idleMs = this.#pool.aboveMin ? Math.min(idleTimeMs, sessionIdleTimeMs) : sessionIdleTimeMs;
    return Math.min(slot.idleSinceMs + idleMs, slot.openedMs + sessionLifeTimeMs);
  }

  #wakeAt(dueMs: number, nowMs: number): void {
    const afterMs = Math.max(dueMs - nowMs, this.#coarseMs);
    this.#timer?.cancel();
    this.#wakeMs = nowMs + afterMs;
    this.#timer = this.#clock.after(afterMs, this.#reap);
  }
}
