import type { Counter, StatsReceiver } from "@weftmesh/telemetry";
import type { Expiry } from "./idle-reaper.ts";

/** What a pool shows of itself. */
export interface PoolFigures {
  /** Idle sessions beyond those that the pool keeps for ever. */
  readonly spare: number;
  /** Sessions that are open or being opened, those that are spare among them. */
  readonly size: number;
  /** Calls that wait for a session. */
  readonly waiters: number;
}

/**
 * The metrics of all pools of one client: each endpoint has a pool of its own, and the client's figures are their sums.
 *
 * Shape: one per `StatsReceiver`. The gauges are there while a pool is. As in Finagle, `pool_size` leaves out what
 * `pool_cached` counts: together they are the sessions there are.
 * Cost: gauges add up when they are read; a call on an idle session counts nothing.
 */
export class PoolStats {
  readonly waited: Counter;
  readonly tooManyWaiters: Counter;
  readonly redials: Counter;
  readonly #idleExpired: Counter;
  readonly #lifeExpired: Counter;
  readonly #stats: StatsReceiver;
  readonly #pools = new Set<PoolFigures>();
  #removeGauges: (() => void)[] = [];

  private constructor(stats: StatsReceiver) {
    this.#stats = stats;
    this.waited = stats.counter("pool_num_waited");
    this.tooManyWaiters = stats.counter("pool_num_too_many_waiters");
    this.redials = stats.counter("pool_redials");
    this.#idleExpired = stats.counter("idle");
    this.#lifeExpired = stats.counter("lifetime");
  }

  static readonly #byReceiver = new WeakMap<StatsReceiver, PoolStats>();

  static of(stats: StatsReceiver): PoolStats {
    let found = PoolStats.#byReceiver.get(stats);
    if (found === undefined) {
      found = new PoolStats(stats);
      PoolStats.#byReceiver.set(stats, found);
    }
    return found;
  }

  /** Counts a session that ends for its age, or for having been idle; of other reasons, none. */
  expired(why: Expiry | undefined): void {
    if (why === "lifetime") this.#lifeExpired.inc();
    else if (why === "idle") this.#idleExpired.inc();
  }

  add(pool: PoolFigures): void {
    this.#pools.add(pool);
    if (this.#pools.size > 1) return;
    const sum = (of: (pool: PoolFigures) => number) => () => {
      let total = 0;
      for (const each of this.#pools) total += of(each);
      return total;
    };
    this.#removeGauges = [
      this.#stats.gauge(
        sum((each) => each.spare),
        "pool_cached",
      ),
      this.#stats.gauge(
        sum((each) => each.size - each.spare),
        "pool_size",
      ),
      this.#stats.gauge(
        sum((each) => each.waiters),
        "pool_waiters",
      ),
    ];
  }

  delete(pool: PoolFigures): void {
    if (!this.#pools.delete(pool) || this.#pools.size > 0) return;
    for (const remove of this.#removeGauges) remove();
    this.#removeGauges = [];
  }
}
