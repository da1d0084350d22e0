import type { Ctx, Service, ServiceFactory, Status } from "@weftmesh/core";
import { bestOf } from "@weftmesh/core";
import { atLeast } from "./at-least.ts";
import { SingletonPool, type SingletonPoolOptions } from "./singleton-pool.ts";

export interface BalancingPoolOptions extends SingletonPoolOptions {
  /** Sessions at most; at least 1. */
  readonly sessions: number;
}

/**
 * Makes calls on up to a fixed number of sessions, many on each: for protocols that carry many calls on a connection,
 * where one connection is too few because each is slowed down by its largest answer or lost packet.
 *
 * Shape: one per endpoint; each session is a `SingletonPool` of its own. A call goes where the fewest are, the first of
 * equals, so that an endpoint with little to do has few connections; a session that is busy is left alone while another
 * is not.
 * Cost: as a singleton pool, and a look at each session.
 * Source: Finagle's balancing pool, by calls in flight where that goes by latency.
 */
export class BalancingPool<Req, Rep> implements Service<Req, Rep> {
  readonly #pools: readonly SingletonPool<Req, Rep>[];
  readonly #factory: ServiceFactory<Req, Rep>;
  #closed: Promise<void> | undefined = undefined;

  constructor(factory: ServiceFactory<Req, Rep>, options: BalancingPoolOptions) {
    const length = Math.trunc(atLeast(1, "sessions", options.sessions));
    const shared: ServiceFactory<Req, Rep> = {
      open: (ctx) => factory.open(ctx),
      get status() {
        return factory.status;
      },
      close: () => Promise.resolve(),
    };
    this.#factory = factory;
    this.#pools = Array.from({ length }, () => new SingletonPool<Req, Rep>(shared, options));
  }

  get status(): Status {
    return bestOf(this.#pools.map((each) => each.status));
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    let chosen = this.#pools[0] as SingletonPool<Req, Rep>;
    let least = Number.POSITIVE_INFINITY;
    for (const pool of this.#pools) {
      const load = pool.status === "open" ? pool.load : pool.load + busyLoad;
      if (load >= least) continue;
      least = load;
      chosen = pool;
    }
    return chosen.call(req, ctx);
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all(this.#pools.map((each) => each.close())).then(() => this.#factory.close());
    return this.#closed;
  }
}

/** More than the calls that any session carries. */
const busyLoad = 1e9;
