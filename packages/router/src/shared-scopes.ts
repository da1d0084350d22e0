import { type Param, param } from "@weftmesh/core";
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

/**
 * The scopes of routers by their labels: one router that takes the place of another counts on where that one did, and
 * neither takes the other's metrics away.
 */
export class RouterScopes {
  readonly #scopes = new Map<string, SharedScopes>();

  /** `parent` is that of the first router with this label. */
  of(label: string, kind: string, parent: StatsReceiver): SharedScopes {
    const key = `${kind} ${label}`;
    let scopes = this.#scopes.get(key);
    if (scopes === undefined) {
      scopes = new SharedScopes(parent, kind);
      this.#scopes.set(key, scopes);
    }
    return scopes;
  }
}

/** Those of the process; a router that is given none has its own. */
export const RouterScopesParam: Param<RouterScopes | undefined> = param<RouterScopes | undefined>(
  "routerScopes",
  undefined,
  () => undefined,
);
