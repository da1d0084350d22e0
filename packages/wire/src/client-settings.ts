import type { Clock } from "@weftmesh/core";
import { showPeer } from "./client-errors.ts";
import type { ClientStats } from "./client-stats.ts";
import type { ClientTimeouts } from "./client-watch.ts";
import type { ConnectOptions } from "./connect-wire.ts";

/** What a connector is given, whatever version of HTTP its sessions speak. */
export interface ConnectorOptions extends ConnectOptions {
  /** How long a request with `Expect: 100-continue` holds its body back: 1,000 ms if not given. */
  readonly continueTimeoutMs?: number;
}

/** What the sessions of one connector share. Units: ms. */
export interface ClientSettings {
  readonly clock: Clock;
  readonly stats: ClientStats;
  /** Absent where there are none to keep. */
  readonly timeouts?: ClientTimeouts;
  /** How long a request with `Expect: 100-continue` holds its body back. */
  readonly continueTimeoutMs: number;
  /** For messages. */
  readonly peer: string;
}

const never = Number.POSITIVE_INFINITY;

/** The options of a connector as its sessions need them. */
export function clientSettings(options: ConnectorOptions, stats: ClientStats): ClientSettings {
  const { readTimeoutMs = never, writeTimeoutMs = never } = options.socketOptions ?? {};
  const isTimed = Number.isFinite(readTimeoutMs) || Number.isFinite(writeTimeoutMs);
  return {
    ...(isTimed ? { timeouts: { readTimeoutMs, writeTimeoutMs } } : {}),
    clock: options.clock,
    stats,
    continueTimeoutMs: options.continueTimeoutMs ?? 1_000,
    peer: showPeer(options.host, options.port),
  };
}
