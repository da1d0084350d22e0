import type { Counter, Stat } from "@weftmesh/telemetry";

/** What connections are counted by when they close, at either end of them. */
export interface ConnectionEndStats {
  readonly closes: Counter;
  readonly connectionDurationMs: Stat;
  readonly connectionRequests: Stat;
  readonly connectionReceivedBytes: Stat;
  readonly connectionSentBytes: Stat;
}

/** Counts a connection that has closed. Units: ms. */
export function countConnection(
  stats: ConnectionEndStats,
  { received, sent }: { readonly received: number; readonly sent: number },
  durationMs: number,
  requests: number,
): void {
  stats.closes.inc();
  stats.connectionDurationMs.add(durationMs);
  stats.connectionRequests.add(requests);
  stats.connectionReceivedBytes.add(received);
  stats.connectionSentBytes.add(sent);
}
