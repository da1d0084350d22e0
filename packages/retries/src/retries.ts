import { type Backoff, constant } from "@weftmesh/backoff";
import {
  asError,
  type Clock,
  ClockParam,
  type Ctx,
  defineModule,
  type Module,
  type Param,
  type ParamSpec,
  param,
  type Rng,
  RngParam,
  type Role,
  role,
  type Service,
  type Status,
} from "@weftmesh/core";
import { BackupKey, newRetryBudget, type RetryBudget } from "@weftmesh/retry-budget";
import { type Counter, type Stat, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { type BudgetParams, showBudget } from "./budget-params.ts";
import { RetriedCall, type Retrying, type StreamLimits } from "./retried-call.ts";
import type { RetryProtocol } from "./retry-protocol.ts";

export const RetriesRole: Role = role("retries");

/** The budget of a service's retries. */
export const RetryBudgetParam: Param<BudgetParams> = param<BudgetParams>("retryBudget", {}, showBudget);

/** The waits between the attempts of a call: none by default, as in Linkerd 1. */
export const RetryBackoffParam: Param<Backoff> = param<Backoff>("retryBackoff", constant(0), (each) => each.name);

/** Retries of one call at most; by default only the budget limits them, as in Linkerd 1. 0 leaves the module out. */
export const MaxRetriesParam: Param<number> = param<number>("maxRetries", Number.POSITIVE_INFINITY);

/**
 * The longest wait that a response may ask for, in ms: one that asks for more is not retried but given to the caller,
 * who learns from it when to come again.
 */
export const MaxPushBackMsParam: Param<number> = param<number>("maxPushBackMs", 10_000);

/** Bytes of a request's stream that are kept, so that it can be sent again; beyond them it cannot. */
export const RetryRequestBytes: Param<number> = param<number>("retryRequestBytes", 16_383);

/** Bytes of an answer's stream that are kept while its end is waited for; beyond them it is passed on as it comes. */
export const RetryResponseBytes: Param<number> = param<number>("retryResponseBytes", 16_383);

/** How long, in ms, the end of an answer is waited for that may turn out retryable by it; 0 for not at all. */
export const ClassificationTimeoutMs: Param<number> = param<number>("classificationTimeoutMs", 100);

export interface RetriesSettings {
  readonly budget: BudgetParams;
  readonly backoff: Backoff;
  readonly maxRetries: number;
  readonly maxPushBackMs: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly stats: StatsReceiver;
  /** For a protocol that holds answers. */
  readonly requestBytes?: number;
  readonly responseBytes?: number;
  readonly classificationTimeoutMs?: number;
}

/** The retries of one service: what its calls share. */
export class RetryingService<Req, Rep> implements Service<Req, Rep>, Retrying<Req, Rep> {
  readonly next: Service<Req, Rep>;
  readonly protocol: RetryProtocol<Req, Rep>;
  readonly budget: RetryBudget;
  readonly backoff: Backoff;
  readonly maxRetries: number;
  readonly maxPushBackMs: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly total: Counter;
  readonly perRequest: Stat;
  readonly budgetExhausted: Counter;
  readonly backoffsExhausted: Counter;
  readonly tooLong: Counter;
  readonly streams: StreamLimits | undefined;
  readonly #removeGauge: () => void;

  constructor(next: Service<Req, Rep>, protocol: RetryProtocol<Req, Rep>, settings: RetriesSettings) {
    const { clock, maxRetries, maxPushBackMs } = settings;
    if (!(maxRetries > 0)) throw new RangeError(`maxRetries must be above 0, not ${maxRetries}`);
    if (!(maxPushBackMs >= 0)) throw new RangeError(`maxPushBackMs must be from 0, not ${maxPushBackMs}`);
    const stats = settings.stats.scope("retries");
    const budget = newRetryBudget({ ...settings.budget, clock });
    this.next = next;
    this.protocol = protocol;
    this.budget = budget;
    this.backoff = settings.backoff;
    this.maxRetries = maxRetries;
    this.maxPushBackMs = maxPushBackMs;
    this.clock = clock;
    this.rng = settings.rng;
    this.total = stats.counter("total");
    this.perRequest = stats.stat("per_request");
    this.budgetExhausted = stats.counter("budget_exhausted");
    this.backoffsExhausted = stats.counter("backoffs_exhausted");
    this.tooLong = stats.counter("request_stream_too_long");
    this.streams = protocol.hold === undefined ? undefined : streamLimits(settings, stats);
    this.#removeGauge = stats.gauge(() => budget.balance, "budget");
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    // One call, one deposit: the original of a backup has made it.
    if (!ctx.get(BackupKey)) this.budget.deposit();
    try {
      return new RetriedCall<Req, Rep>(this, req, ctx).attempt();
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  get status(): Status {
    return this.next.status;
  }

  close(): Promise<void> {
    this.#removeGauge();
    return this.next.close();
  }
}

function streamLimits(settings: RetriesSettings, stats: StatsReceiver): StreamLimits {
  const requestBytes = settings.requestBytes ?? RetryRequestBytes.default;
  const responseBytes = settings.responseBytes ?? RetryResponseBytes.default;
  const classificationTimeoutMs = settings.classificationTimeoutMs ?? ClassificationTimeoutMs.default;
  for (const [name, limit] of Object.entries({ requestBytes, responseBytes, classificationTimeoutMs })) {
    if (!(limit >= 0)) throw new RangeError(`${name} must be from 0, not ${limit}`);
  }
  return {
    requestBytes,
    responseBytes,
    classificationTimeoutMs,
    responseTooLong: stats.counter("response_stream_too_long"),
    classificationTimeout: stats.counter("classification_timeout"),
  };
}

const params = {
  budget: RetryBudgetParam,
  backoff: RetryBackoffParam,
  maxRetries: MaxRetriesParam,
  maxPushBackMs: MaxPushBackMsParam,
  clock: ClockParam,
  rng: RngParam,
  stats: StatsParam,
} as const satisfies ParamSpec;

const streamParams = {
  ...params,
  requestBytes: RetryRequestBytes,
  responseBytes: RetryResponseBytes,
  classificationTimeoutMs: ClassificationTimeoutMs,
} as const satisfies ParamSpec;

/**
 * Sends requests again whose answers or failures the call's classifier calls retryable. Belongs into the path stack.
 *
 * Errors: a failure after which a limit or the budget forbade another attempt is flagged nonRetryable, so that no layer
 * above sends the request again; an answer goes to the caller as it is. RangeError for parameters out of their range.
 */
export function retries<Req, Rep>(protocol: RetryProtocol<Req, Rep>): Module<Service<Req, Rep>> {
  const make = (values: RetriesSettings, next: Service<Req, Rep>): Service<Req, Rep> =>
    values.maxRetries === 0 ? next : new RetryingService<Req, Rep>(next, protocol, values);
  const spec = {
    role: RetriesRole,
    description: "Sends a request again, within a budget, when its response is classified as retryable",
    make,
  };
  return protocol.hold === undefined
    ? defineModule<Service<Req, Rep>, typeof params>({ ...spec, params })
    : defineModule<Service<Req, Rep>, typeof streamParams>({ ...spec, params: streamParams });
}
