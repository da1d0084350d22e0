import type { Clock, Timer } from "@weftmesh/core";
import type { Counter } from "@weftmesh/telemetry";

/** What expiry asks of a node. */
export interface RestingNode {
  /** Whether it has nothing that could be closed. */
  readonly idle: boolean;
  /** Closes what it has, if it has no calls and is open; false when it did not. */
  rest(): boolean;
}

/**
 * Takes the connections of nodes that are out of use and had no call for some time.
 *
 * Units: a node rests `idleMs` after its last call, or up to half of that later; never with `idleMs` 0.
 * Cost: an array write per call; one timer, while there are calls or something to close.
 * Source: Finagle's Expiration.
 */
export class IdleExpiry {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #inUse: (slot: number) => boolean;
  readonly #expired: Counter;
  #nodes: readonly RestingNode[] = [];
  /** By slot: when the last call ended. */
  #endedMs: Float64Array = new Float64Array();
  #timer: Timer | undefined;

  constructor(clock: Clock, idleMs: number, inUse: (slot: number) => boolean, expired: Counter) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#inUse = inUse;
    this.#expired = expired;
  }

  /** Another set; `slotsBefore` says which slot each had, -1 for one that is new. */
  rebuild(nodes: readonly RestingNode[], slotsBefore: Int32Array, nowMs: number): void {
    this.#endedMs = Float64Array.from(slotsBefore, (slot) => this.#endedMs[slot] ?? nowMs);
    this.#nodes = nodes;
    this.#arm();
  }

  /** A call has begun, or the nodes in use have become others. */
  stir(): void {
    if (this.#timer === undefined) this.#arm();
  }

  ended(slot: number, nowMs: number): void {
    this.#endedMs[slot] = nowMs;
    this.stir();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#nodes = [];
  }

  #arm(): void {
    if (this.#timer !== undefined || !(this.#idleMs > 0) || this.#nodes.length === 0) return;
    this.#timer = this.#clock.after(this.#idleMs / 2, () => this.#sweep());
  }

  #sweep(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    let early = false;
    for (const [slot, node] of this.#nodes.entries()) {
      if (node.idle || this.#inUse(slot)) continue;
      if (nowMs - (this.#endedMs[slot] as number) < this.#idleMs) early = true;
      else if (node.rest()) this.#expired.inc();
    }
    // Those in use, with calls or not open are for later: nothing becomes of them without a call.
    if (early) this.#arm();
  }
}
