import type { Clock, Timer } from "@weftmesh/core";
import type { Wire } from "./wire.ts";

export interface ClientTimeouts {
  /** A server that is waited for and sends nothing for so long is cut off. */
  readonly readTimeoutMs: number;
  /** A server that takes nothing for so long is cut off. */
  readonly writeTimeoutMs: number;
}

/** What is looked at. */
export interface WatchedExchange {
  /** There is a call under way. */
  readonly isBusy: boolean;
  /** Nothing but the server holds the call up. */
  readonly waitsForPeer: boolean;
  cutOff(timeout: "read" | "write", afterMs: number): void;
}

/**
 * Cuts off a server that neither sends nor takes anything for too long.
 *
 * Shape: one per connection, and only where a limit is set. It compares counters now and then, so that a read or a write
 * costs no timer; there is one timer while a call is under way, and none otherwise.
 * Units: ms; a limit is kept within a quarter of the shorter one, never cut short.
 */
export class ClientWatch {
  readonly #clock: Clock;
  readonly #wire: Wire;
  readonly #limits: ClientTimeouts;
  readonly #exchange: WatchedExchange;
  readonly #everyMs: number;
  #timer: Timer | undefined = undefined;
  #received = 0;
  #readMs = 0;
  #flushed = 0;
  #writeMs = 0;

  constructor(clock: Clock, wire: Wire, limits: ClientTimeouts, exchange: WatchedExchange) {
    this.#clock = clock;
    this.#wire = wire;
    this.#limits = limits;
    this.#exchange = exchange;
    this.#everyMs = Math.min(limits.readTimeoutMs, limits.writeTimeoutMs) / 4;
  }

  /** A call has begun. */
  start(): void {
    const nowMs = this.#clock.now();
    this.#readMs = nowMs;
    this.#writeMs = nowMs;
    this.#timer ??= this.#clock.after(this.#everyMs, this.#check);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #check = (): void => {
    this.#timer = undefined;
    if (!this.#exchange.isBusy) return;
    const { readTimeoutMs, writeTimeoutMs } = this.#limits;
    const { received, sent, pending } = this.#wire;
    const nowMs = this.#clock.now();
    if (received !== this.#received || !this.#exchange.waitsForPeer) this.#readMs = nowMs;
    if (sent - pending !== this.#flushed || pending === 0) this.#writeMs = nowMs;
    this.#received = received;
    this.#flushed = sent - pending;
    if (nowMs - this.#writeMs >= writeTimeoutMs) this.#exchange.cutOff("write", writeTimeoutMs);
    else if (nowMs - this.#readMs >= readTimeoutMs) this.#exchange.cutOff("read", readTimeoutMs);
    else this.#timer = this.#clock.after(this.#everyMs, this.#check);
  };
}
