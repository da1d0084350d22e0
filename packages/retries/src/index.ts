export type { BudgetParams } from "./budget-params.ts";
export { nonRetryable, RetriedError } from "./errors.ts";
export { httpPushBackMs } from "./http-push-back.ts";
export { type HttpRetryingOptions, httpRetrying } from "./http-retrying.ts";
export {
  MaxConnectRequeuesParam,
  MaxRequeueShareParam,
  RequeueBudgetParam,
  RequeueingService,
  RequeuesRole,
  type RequeuesSettings,
  requeues,
} from "./requeues.ts";
export {
  ClassificationTimeoutMs,
  MaxPushBackMsParam,
  MaxRetriesParam,
  RetriesRole,
  type RetriesSettings,
  RetryBackoffParam,
  RetryBudgetParam,
  RetryingService,
  RetryRequestBytes,
  RetryResponseBytes,
  retries,
} from "./retries.ts";
export { freely, type Held, type Resend, type RetryProtocol, wholeMessages } from "./retry-protocol.ts";
