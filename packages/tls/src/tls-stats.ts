import type { Counter, Stat, StatsReceiver } from "@weftmesh/telemetry";
import type { HandshakeReason } from "./errors.ts";

/** What is counted of handshakes, below a scope `tls`. */
export class TlsStats {
  readonly handshakes: Counter;
  /** Handshakes that took up a session of before. */
  readonly resumed: Counter;
  readonly failures: Counter;
  readonly latencyMs: Stat;
  /** Connections that are up now. */
  #connections = 0;
  /** Handshakes that are under way. */
  pending = 0;
  readonly #stats: StatsReceiver;
  readonly #byReason: Map<HandshakeReason, Counter> = new Map();

  constructor(stats: StatsReceiver) {
    this.#stats = stats;
    this.handshakes = stats.counter("handshakes");
    this.resumed = stats.counter("resumed");
    this.failures = stats.counter("handshake_failures");
    this.latencyMs = stats.stat("handshake_latency_ms");
  }

  failed(reason: HandshakeReason): void {
    this.failures.inc();
    let counter = this.#byReason.get(reason);
    if (counter === undefined) {
      counter = this.#stats.counter("handshake_failures", reason);
      this.#byReason.set(reason, counter);
    }
    counter.inc();
  }

  opened(): void {
    this.#connections++;
  }

  closed(): void {
    this.#connections--;
    this.#unwatchIfOver();
  }

  #users = 0;
  #unwatch: readonly (() => void)[] = [];

  /** The gauges are there while somebody uses them, and until the last connection is closed. */
  use(): void {
    if (this.#users++ > 0 || this.#unwatch.length > 0) return;
    this.#unwatch = [
      this.#stats.gauge(() => this.#connections, "connections"),
      this.#stats.gauge(() => this.pending, "handshakes_pending"),
    ];
  }

  leave(): void {
    this.#users--;
    this.#unwatchIfOver();
  }

  #unwatchIfOver(): void {
    if (this.#users > 0 || this.#connections > 0 || this.#unwatch.length === 0) return;
    for (const remove of this.#unwatch) remove();
    this.#unwatch = [];
  }

  static readonly #byReceiver: WeakMap<StatsReceiver, TlsStats> = new WeakMap();

  /** One for each scope, so that the connections of a client's endpoints add up. */
  static of(stats: StatsReceiver): TlsStats {
    let found = TlsStats.#byReceiver.get(stats);
    if (found === undefined) {
      found = new TlsStats(stats);
      TlsStats.#byReceiver.set(stats, found);
    }
    return found;
  }
}
