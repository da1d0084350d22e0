export { ConcurrencyLimitRole, concurrencyLimit, MaxConcurrentRequests } from "./concurrency-limit.ts";
export { OverloadedError } from "./errors.ts";
