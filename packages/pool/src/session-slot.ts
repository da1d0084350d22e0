import type { Ctx, Observer, Service } from "@weftmesh/core";
import type { SessionOwner } from "./session-owner.ts";

/** What a slot asks of its pool. */
export interface SlotPool<Req, Rep> {
  release(slot: SessionSlot<Req, Rep>): void;
  redial(slot: SessionSlot<Req, Rep>, req: Req, ctx: Ctx): Promise<Rep>;
  lose(slot: SessionSlot<Req, Rep>): void;
}

/** A session's place in the pool: the observer of each call on it, and its owner. One per session, none per call. */
export class SessionSlot<Req, Rep> implements Observer, SessionOwner<Req, Rep> {
  readonly session: Service<Req, Rep>;
  readonly openedMs: number;
  /** Meaningful while idle, in a pool whose sessions expire. */
  idleSinceMs = 0;
  state: "used" | "idle" | "gone" = "used";
  /** Neighbours while idle. */
  older: SessionSlot<Req, Rep> | undefined = undefined;
  newer: SessionSlot<Req, Rep> | undefined = undefined;
  readonly #pool: SlotPool<Req, Rep>;

  constructor(pool: SlotPool<Req, Rep>, session: Service<Req, Rep>, openedMs: number) {
    this.#pool = pool;
    this.session = session;
    this.openedMs = openedMs;
  }

  onEnd(): void {
    this.#pool.release(this);
  }

  redial(req: Req, ctx: Ctx): Promise<Rep> {
    return this.#pool.redial(this, req, ctx);
  }

  sessionClosed(): void {
    this.#pool.lose(this);
  }
}
