import { type Counter, nullStats, type Stat, type StatsReceiver } from "@weftmesh/telemetry";

/** What the connections of one server are counted by, under the names that Linkerd 1 gives them. */
export interface ServerConnectionStats {
  readonly connects: Counter;
  readonly closes: Counter;
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
  /** Closed because the client was too slow to send, or to read. */
  readonly readTimeout: Counter;
  readonly writeTimeout: Counter;
  /** Closed because they were idle for too long, or too old. */
  readonly idle: Counter;
  readonly lifetime: Counter;
  /** Requests that were refused by the codec. */
  readonly malformed: Counter;
  /** Connections that were closed at once, since there were too many. */
  readonly refusedConnections: Counter;
  /** Connections that could not be accepted, as when there are no file descriptors left. */
  readonly acceptErrors: Counter;
  /** Per connection, when it closes. */
  readonly connectionDurationMs: Stat;
  readonly connectionRequests: Stat;
  readonly connectionReceivedBytes: Stat;
  readonly connectionSentBytes: Stat;
  /** Connections that are open. The result takes the gauge away. */
  watchConnections(read: () => number): () => void;
}

/** Counts below the server's scope, `rt/<label>/server/<ip>/<port>`. */
export function serverConnectionStats(stats: StatsReceiver): ServerConnectionStats {
  return {
    connects: stats.counter("connects"),
    closes: stats.counter("closes"),
    receivedBytes: stats.counter("received_bytes"),
    sentBytes: stats.counter("sent_bytes"),
    readTimeout: stats.counter("read_timeout"),
    writeTimeout: stats.counter("write_timeout"),
    idle: stats.counter("idle"),
    lifetime: stats.counter("lifetime"),
    malformed: stats.counter("malformed_requests"),
    refusedConnections: stats.counter("refused_connections"),
    acceptErrors: stats.counter("accept_errors"),
    connectionDurationMs: stats.stat("connection_duration"),
    connectionRequests: stats.stat("connection_requests"),
    connectionReceivedBytes: stats.stat("connection_received_bytes"),
    connectionSentBytes: stats.stat("connection_sent_bytes"),
    watchConnections: (read) => stats.gauge(read, "connections"),
  };
}

/** Counts nothing. */
export const nullServerStats: ServerConnectionStats = serverConnectionStats(nullStats);
