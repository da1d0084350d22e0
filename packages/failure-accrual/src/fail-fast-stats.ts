import type { Counter, StatsReceiver } from "@weftmesh/telemetry";

/** What shows of an endpoint to which connections fail. */
export interface UnhealthyEndpoint {
  readonly unhealthyForMs: number;
  readonly tries: number;
}

/**
 * The metrics of all fail-fasts of one client.
 *
 * Shape: one per `StatsReceiver`. The gauges are there while an endpoint is: how many are marked dead, how long the
 * longest has been, and the most tries.
 */
export class FailFastStats {
  readonly markedDead: Counter;
  readonly markedAvailable: Counter;
  readonly #stats: StatsReceiver;
  readonly #unhealthy = new Set<UnhealthyEndpoint>();
  #users = 0;
  #removeGauges: readonly (() => void)[] = [];

  private constructor(stats: StatsReceiver) {
    this.#stats = stats;
    this.markedDead = stats.counter("marked_dead");
    this.markedAvailable = stats.counter("marked_available");
  }

  static readonly #byReceiver = new WeakMap<StatsReceiver, FailFastStats>();

  /** `stats` is the client's scope. */
  static of(stats: StatsReceiver): FailFastStats {
    let found = FailFastStats.#byReceiver.get(stats);
    if (found === undefined) {
      found = new FailFastStats(stats.scope("failfast"));
      FailFastStats.#byReceiver.set(stats, found);
    }
    return found;
  }

  add(): void {
    if (this.#users++ > 0) return;
    this.#removeGauges = [
      this.#stats.gauge(() => this.#unhealthy.size, "is_marked_dead"),
      this.#stats.gauge(() => this.#most((each) => each.unhealthyForMs), "unhealthy_for_ms"),
      this.#stats.gauge(() => this.#most((each) => each.tries), "unhealthy_num_tries"),
    ];
  }

  delete(): void {
    if (--this.#users > 0) return;
    for (const remove of this.#removeGauges) remove();
  }

  marked(endpoint: UnhealthyEndpoint): void {
    this.markedDead.inc();
    this.#unhealthy.add(endpoint);
  }

  available(endpoint: UnhealthyEndpoint): void {
    this.markedAvailable.inc();
    this.#unhealthy.delete(endpoint);
  }

  /** It leaves without having become available. */
  forget(endpoint: UnhealthyEndpoint): void {
    this.#unhealthy.delete(endpoint);
  }

  #most(of: (endpoint: UnhealthyEndpoint) => number): number {
    let most = 0;
    for (const each of this.#unhealthy) most = Math.max(most, of(each));
    return most;
  }
}
