export { AdaptiveConcurrencyParam, AdaptiveConcurrencyRole, adaptiveConcurrency } from "./adaptive-concurrency.ts";
export {
  ConcurrencyLimitRole,
  concurrencyLimit,
  LifoAfterMs,
  MaxConcurrentRequests,
  MaxPending,
} from "./concurrency-limit.ts";
export { socketLimit, socketsWithin } from "./descriptor-limit.ts";
export {
  AdaptiveLimitError,
  GateShutError,
  LoadShedError,
  NackAdmissionError,
  OverloadError,
  OverloadedError,
  QueueDeadlineError,
  QueueFailFastError,
  QueueFullError,
  QueueTooLongError,
  RateLimitedError,
  type RateLimitScope,
} from "./errors.ts";
export { FailFastQueueRole, FailFastTimeoutMs, failFastQueue, QueueCapacity } from "./fail-fast-queue.ts";
export { Gate, GateParam, GateRole, type GateState, gate } from "./gate.ts";
export type { AdaptiveConcurrencyOptions } from "./gradient-limit.ts";
export { isHttpNack } from "./http-nack.ts";
export { httpPaths } from "./http-paths.ts";
export { type ByClientAddressOptions, byClientAddress, byHeader } from "./http-rate-limit-key.ts";
export {
  type LoadSheddingOptions,
  LoadSheddingParam,
  LoadSheddingRole,
  loadShedding,
  PriorityKey,
} from "./load-shedding.ts";
export { checkMarks, MemoryLevel, type MemoryMarks, nextLevel } from "./memory-level.ts";
export { type NackAdmissionOptions, NackAdmissionParam, NackAdmissionRole, nackAdmission } from "./nack-admission.ts";
export { OverloadGuard, type OverloadGuardOptions, OverloadGuardParam } from "./overload-guard.ts";
export type { EventLoopDelay, MemoryUse, Thresholds } from "./pressure.ts";
export {
  type RateLimitKey,
  RateLimitKeyParam,
  type RateLimitOptions,
  type RateLimitOverride,
  RateLimitParam,
  RateLimitRole,
  rateLimit,
} from "./rate-limit.ts";
export { type SystemMemoryUseOptions, systemEventLoopDelay, systemMemoryUse } from "./system-pressure.ts";
export type { RequestRate } from "./token-bucket.ts";
