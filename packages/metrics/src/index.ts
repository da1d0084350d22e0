export { classifiedFailure, FailureCounters } from "./failure-counters.ts";
export {
  LogicalNameParam,
  MaxLogicalNamesParam,
  PerPathClientStatsRole,
  perPathClientStats,
  perPathStreamStats,
} from "./per-path-client-stats.ts";
export {
  ClientStatsRole,
  clientStats,
  clientStreamStats,
  PathStatsRole,
  pathStats,
  pathStreamStats,
  ServerStatsRole,
  serverStats,
  serverStreamStats,
} from "./request-stats-module.ts";
export { RequestStream, RequestStreamKey } from "./request-stream.ts";
export { StatusCodeStatsRole, statusCodeStats } from "./status-code-stats.ts";
