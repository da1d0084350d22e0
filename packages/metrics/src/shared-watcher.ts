import type { StatsReceiver } from "@weftmesh/telemetry";
import type { CallWatcher } from "./watched-service.ts";

interface Shared<W> {
  readonly watcher: W;
  users: number;
}

/**
 * One watcher for all stacks that count into the same receiver: what stands below a balancer is there once per endpoint.
 *
 * Shape: one per module; a watcher is closed when the last of its stacks is.
 */
export class SharedWatchers<W extends CallWatcher> {
  readonly #byReceiver = new WeakMap<StatsReceiver, Shared<W>>();

  /** The receiver's watcher, and what its user calls, once, when it is done with it. */
  take(stats: StatsReceiver, make: () => W): { readonly watcher: W; readonly release: () => void } {
    let shared = this.#byReceiver.get(stats);
    if (shared === undefined) {
      shared = { watcher: make(), users: 0 };
      this.#byReceiver.set(stats, shared);
    }
    const own = shared;
    own.users++;
    return { watcher: own.watcher, release: () => this.#release(stats, own) };
  }

  #release(stats: StatsReceiver, shared: Shared<W>): void {
    shared.users--;
    if (shared.users > 0) return;
    this.#byReceiver.delete(stats);
    shared.watcher.close();
  }
}
