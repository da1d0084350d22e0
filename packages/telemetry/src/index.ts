export type { Metric, MetricsTree, Summary } from "./metrics-tree.ts";
export { type Counter, nullStats, type Stat, StatsParam, type StatsReceiver } from "./stats.ts";
export type { AdminHandler, Telemeter, TelemeterRuntime } from "./telemeter.ts";
