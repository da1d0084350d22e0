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
  connections = 0;
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

  /** The result takes the gauges away. */
  watch(): () => void {
    const gauges = [
      this.#stats.gauge(() => this.connections, "connections"),
      this.#stats.gauge(() => this.pending, "handshakes_pending"),
    ];
    return () => {
      for (const remove of gauges) remove();
    };
  }

  #users = 0;
  #unwatch: (() => void) | undefined = undefined;

  /** The gauges are there while somebody uses them. */
  use(): void {
    if (this.#users++ === 0) this.#unwatch = this.watch();
  }

  leave(): void {
    if (--this.#users > 0) return;
    this.#unwatch?.();
    this.#unwatch = undefined;
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
