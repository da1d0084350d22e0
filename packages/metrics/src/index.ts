export { classifiedFailure, FailureCounters } from "./failure-counters.ts";
export {
  LogicalNameParam,
  MaxLogicalNamesParam,
  PerPathClientStatsRole,
  perPathClientStats,
} from "./per-path-client-stats.ts";
export {
  ClientStatsRole,
  clientStats,
  PathStatsRole,
  pathStats,
  ServerStatsRole,
  serverStats,
} from "./request-stats-module.ts";
export { StatusCodeStatsRole, statusCodeStats } from "./status-code-stats.ts";
