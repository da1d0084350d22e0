import type { StatsReceiver } from "@weftmesh/telemetry";

interface Shared {
  readonly stats: StatsReceiver;
  users: number;
}

/**
 * The stats of stacks that come and go: those of one name count into one scope, which leaves the tree with the last.
 *
 * Shape: one for the services of a router, whose name is there once for each local dtab, and one for its clients.
 */
export class SharedScopes {
  readonly #parent: StatsReceiver;
  readonly #kind: string;
  readonly #byName = new Map<string, Shared>();

  constructor(parent: StatsReceiver, kind: string) {
    this.#parent = parent;
    this.#kind = kind;
  }

  /** Names that are in use. */
  get size(): number {
    return this.#byName.size;
  }

  /** The scope of a name, to be given back once by `release`. */
  take(name: string): StatsReceiver {
    let shared = this.#byName.get(name);
    if (shared === undefined) {
      shared = { stats: this.#parent.scope(this.#kind, name), users: 0 };
      this.#byName.set(name, shared);
    }
    shared.users++;
    return shared.stats;
  }

  release(name: string): void {
    const shared = this.#byName.get(name);
    if (shared === undefined || --shared.users > 0) return;
    this.#byName.delete(name);
    shared.stats.prune();
  }
}
