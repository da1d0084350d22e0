export { consecutiveFailures } from "./consecutive-failures.ts";
export {
  type EjectionEvent,
  type EjectionKind,
  type EjectionListener,
  EjectionListenerParam,
  EndpointLabelParam,
} from "./ejection-event.ts";
export { EjectionLimitRole, ejectionLimit, MaxEjectionPercentParam } from "./ejection-limit.ts";
export {
  type Ejections,
  type EjectionsOptions,
  EjectionsParam,
  EndpointCountParam,
  newEjections,
} from "./ejections.ts";
export { EndpointBreaker, type EndpointBreakerSettings } from "./endpoint-breaker.ts";
export { FailFastError } from "./errors.ts";
export { FailFastBackoffParam, FailFastParam, FailFastRole, failFast } from "./fail-fast.ts";
export { FailFastSessions, type FailFastSettings } from "./fail-fast-sessions.ts";
export { FailureAccrualParam, FailureAccrualRole, failureAccrual, ProbeTimeoutMsParam } from "./failure-accrual.ts";
export { orElse } from "./or-else.ts";
export { type PenaltyBackoffOptions, penaltyBackoff } from "./penalty-backoff.ts";
export { type Explanation, type FailureAccrualKind, type FailureAccrualPolicy, type Figures, none } from "./policy.ts";
export { successRate } from "./success-rate.ts";
export { successRateWindowed } from "./success-rate-windowed.ts";
export { type UnifiedOptions, unified } from "./unified.ts";
