import type { Counter, Stat, StatsReceiver } from "@weftmesh/telemetry";

/**
 * The metrics of a client's connections, to all of its endpoints together.
 *
 * Shape: one per `StatsReceiver`; the gauge is there while a connector is.
 */
export class ClientStats {
  readonly connects: Counter;
  readonly cancelledConnects: Counter;
  readonly closes: Counter;
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
  readonly readTimeouts: Counter;
  readonly writeTimeouts: Counter;
  readonly connectLatencyMs: Stat;
  readonly failedConnectLatencyMs: Stat;
  readonly connectionDurationMs: Stat;
  readonly connectionRequests: Stat;
  readonly connectionReceivedBytes: Stat;
  readonly connectionSentBytes: Stat;
  /** Connections that are open now. */
  connections = 0;
  readonly #stats: StatsReceiver;
  #connectors = 0;
  #removeGauge: (() => void) | undefined = undefined;

  private constructor(stats: StatsReceiver) {
    this.#stats = stats;
    this.connects = stats.counter("connects");
    this.cancelledConnects = stats.counter("cancelled_connects");
    this.closes = stats.counter("closes");
    this.receivedBytes = stats.counter("received_bytes");
    this.sentBytes = stats.counter("sent_bytes");
    this.readTimeouts = stats.counter("read_timeout");
    this.writeTimeouts = stats.counter("write_timeout");
    this.connectLatencyMs = stats.stat("connect_latency_ms");
    this.failedConnectLatencyMs = stats.stat("failed_connect_latency_ms");
    this.connectionDurationMs = stats.stat("connection_duration");
    this.connectionRequests = stats.stat("connection_requests");
    this.connectionReceivedBytes = stats.stat("connection_received_bytes");
    this.connectionSentBytes = stats.stat("connection_sent_bytes");
  }

  static readonly #byReceiver = new WeakMap<StatsReceiver, ClientStats>();

  static of(stats: StatsReceiver): ClientStats {
    let found = ClientStats.#byReceiver.get(stats);
    if (found === undefined) {
      found = new ClientStats(stats);
      ClientStats.#byReceiver.set(stats, found);
    }
    return found;
  }

  addConnector(): void {
    if (this.#connectors++ === 0) this.#removeGauge = this.#stats.gauge(() => this.connections, "connections");
  }

  deleteConnector(): void {
    if (--this.#connectors > 0) return;
    this.#removeGauge?.();
    this.#removeGauge = undefined;
  }
}
