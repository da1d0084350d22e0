import type { MetricsTree } from "@weftmesh/telemetry";

/** Counters and gauges below one scope, by name without the scope. */
export function readMetrics(tree: MetricsTree, scope: string): Record<string, number> {
  const found: Record<string, number> = {};
  tree.forEach((name, metric) => {
    if (name[0] === scope && metric.kind !== "stat") found[name.slice(1).join("/")] = metric.value;
  });
  return found;
}
