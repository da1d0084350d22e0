export { RequestTimeoutError, ServerTimeoutError, TimeoutError, TotalTimeoutError } from "./errors.ts";
export { RequestAttemptTimeoutMs, RequestTimeoutRole, requestTimeout } from "./request-timeout.ts";
export { ServerTimeoutMs, ServerTimeoutRole, serverTimeout } from "./server-timeout.ts";
export { showDuration } from "./show-duration.ts";
export { timeoutFilter } from "./timeout-filter.ts";
export { TotalTimeoutMs, TotalTimeoutRole, totalTimeout } from "./total-timeout.ts";
