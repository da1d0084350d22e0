import { OverloadGuard, socketLimit, systemMemoryUse } from "@weftmesh/admission";
import type { OverloadConfig } from "@weftmesh/config";
import type { Clock } from "@weftmesh/core";
import type { StatsReceiver } from "@weftmesh/telemetry";

/** From here on connections are refused too: what they cost by themselves would be too much. */
const fullShare = 0.97;
const slack = 0.05;

/** The guard of a process that runs this config. */
export function newOverloadGuard(config: OverloadConfig, clock: Clock, stats: StatsReceiver): OverloadGuard {
  const [soft, hard] = [config.memorySoftPercent / 100, config.memoryHardPercent / 100];
  let maxSockets: number | undefined;
  return new OverloadGuard({
    clock,
    stats: stats.scope("overload"),
    memoryUse: systemMemoryUse(),
    memoryMarks: { soft, hard, full: Math.max(hard, fullShare), slack: Math.min(slack, soft / 2) },
    maxConnections: config.maxConnections ?? Number.POSITIVE_INFINITY,
    // When the first connection comes, every listener and file is open.
    maxSockets: () => {
      maxSockets ??= socketLimit();
      return maxSockets;
    },
  });
}
