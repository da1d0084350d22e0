import type { Counter, StatsReceiver } from "@weftmesh/telemetry";

/** The metrics of all breakers of one client: each endpoint has one, and they count together. */
export class AccrualStats {
  /** From life only: a probe that failed is none. */
  readonly removals: Counter;
  readonly revivals: Counter;
  readonly probes: Counter;
  /** Planned, and added when it begins. */
  readonly removedForMs: Counter;
  readonly refused: Counter;

  private constructor(stats: StatsReceiver) {
    this.removals = stats.counter("removals");
    this.revivals = stats.counter("revivals");
    this.probes = stats.counter("probes");
    this.removedForMs = stats.counter("removed_for_ms");
    this.refused = stats.counter("refused");
  }

  static readonly #byReceiver = new WeakMap<StatsReceiver, AccrualStats>();

  /** `stats` is the client's scope. */
  static of(stats: StatsReceiver): AccrualStats {
    let found = AccrualStats.#byReceiver.get(stats);
    if (found === undefined) {
      found = new AccrualStats(stats.scope("failure_accrual"));
      AccrualStats.#byReceiver.set(stats, found);
    }
    return found;
  }
}
