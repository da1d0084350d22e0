import type { Service } from "@weftmesh/core";
import { type Addr, type Bound, pendingAddr } from "@weftmesh/naming";
import type { WaitingQueue } from "./waiting-room.ts";

/** The client of a bound name, and what is known of its addresses. */
export class LiveClient<Req, Rep> {
  readonly bound: Bound;
  readonly service: Service<Req, Rep>;
  addr: Addr = pendingAddr;
  /** Calls for which the addresses come too late to be sent at once. */
  readonly waiting: WaitingQueue<Req, Rep> = new Set();
  readonly #subscription: { unsubscribe(): void };

  constructor(bound: Bound, service: Service<Req, Rep>) {
    this.bound = bound;
    this.service = service;
    this.#subscription = bound.addr.changes.subscribe({
      next: (addr) => this.#set(addr),
      error: (error: Error) => this.#set({ kind: "failed", error }),
    });
  }

  close(): Promise<void> {
    this.#subscription.unsubscribe();
    return this.service.close();
  }

  #set(addr: Addr): void {
    this.addr = addr;
    if (addr.kind === "pending" || this.waiting.size === 0) return;
    // The balancer below observes the same addresses, and may be told after us: let it hear of them first.
    queueMicrotask(() => {
      for (const each of [...this.waiting]) each.go(each.target?.service ?? this.service);
    });
  }
}
