import type { TunnelsConfig } from "@weftmesh/config";
import type { StatsReceiver } from "@weftmesh/telemetry";
import { type TunnelSettings, TunnelStats } from "@weftmesh/wire";

/** What a server is told of tunnels: nothing where the config asks for none. */
export function tunnelOptions(
  config: TunnelsConfig | undefined,
  serverStats: StatsReceiver,
): { readonly tunnels?: TunnelSettings } {
  if (config === undefined || (!config.connect && config.upgrade.length === 0)) return {};
  return {
    tunnels: {
      connect: config.connect,
      upgrades: new Set(config.upgrade),
      idleTimeMs: config.idleTimeMs,
      lifeTimeMs: config.lifeTimeMs ?? Number.POSITIVE_INFINITY,
      stats: new TunnelStats(serverStats.scope("tunnels")),
    },
  };
}
