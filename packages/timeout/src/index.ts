export {
  DeadlineCoversBodyKey,
  DeadlineMaxRejectFraction,
  type DeadlineMode,
  DeadlineModeParam,
  DeadlineRejectPeriodMs,
  DeadlineRole,
  deadline,
} from "./deadline.ts";
export {
  DeadlineReader,
  type DeadlineReaderOptions,
  DeadlineToleranceMs,
  MaxDeadlineMs,
  WireDeadlineKey,
} from "./deadline-reader.ts";
export { DynamicTimeouts, RequestTimeoutKey, TotalTimeoutKey } from "./dynamic-timeouts.ts";
export {
  DeadlineError,
  OpenTimeoutError,
  RequestTimeoutError,
  ServerTimeoutError,
  StreamIdleTimeoutError,
  StreamTimeoutError,
  TimeoutError,
  TotalTimeoutError,
} from "./errors.ts";
export { readGrpcTimeout, showGrpcTimeout } from "./grpc-timeout.ts";
export { ConnectTimeoutMs, openTimeout } from "./open-timeout.ts";
export { outgoingDeadline, PropagateDeadlines } from "./outgoing-deadline.ts";
export { RejectBucket, type RejectBucketOptions } from "./reject-bucket.ts";
export {
  LatencyCompensationMs,
  RequestAttemptTimeoutMs,
  RequestTimeoutRole,
  requestTimeout,
} from "./request-timeout.ts";
export { ServerTimeoutMs, ServerTimeoutRole, serverTimeout } from "./server-timeout.ts";
export { showDuration } from "./show-duration.ts";
export { StreamIdleTimeoutMs, StreamIdleTimeoutRole, streamIdleTimeout } from "./stream-idle-timeout.ts";
export { StreamTimeoutMs, StreamTimeoutRole, streamTimeout } from "./stream-timeout.ts";
export { type TimeoutFilterOptions, timeoutFilter } from "./timeout-filter.ts";
export { TotalTimeoutMs, TotalTimeoutRole, totalTimeout } from "./total-timeout.ts";
export {
  combineDeadlines,
  deadlineOfMs,
  decodeDeadline,
  encodeDeadline,
  readDeadline,
  remainingMs,
  showDeadline,
  showDeadlineOfMs,
  type WireDeadline,
} from "./wire-deadline.ts";
