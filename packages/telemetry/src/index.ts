export { Histogram, type HistogramJson } from "./histogram.ts";
export {
  escapeLogText,
  Logger,
  type LogLevel,
  LogLevels,
  type LogLevelsOptions,
  type LogRecord,
  logLevels,
  readLogLevel,
} from "./log-levels.ts";
export { type MetricsJson, metricsJson } from "./metrics-json.ts";
export { MetricKindError, MetricsRegistry, type MetricsRegistryOptions } from "./metrics-registry.ts";
export type { Metric, MetricsTree, Summary } from "./metrics-tree.ts";
export { type Counter, nullStats, type Stat, StatsParam, type StatsReceiver } from "./stats.ts";
export type { AdminHandler, Telemeter, TelemeterRuntime } from "./telemeter.ts";
