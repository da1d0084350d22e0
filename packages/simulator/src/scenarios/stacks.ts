import { type BalancerKind, BalancerParam, balancer, peakEwma } from "@weftmesh/balancer";
import { ClassifierParam, classifier } from "@weftmesh/classify";
import { type Classifier, type Module, Params } from "@weftmesh/core";
import { type FailureAccrualKind, FailureAccrualParam, failureAccrual } from "@weftmesh/failure-accrual";
import { poolModule } from "@weftmesh/pool";
import {
  httpRetrying,
  MaxRetriesParam,
  RequeueBudgetParam,
  RetryBudgetParam,
  requeues,
  retries,
} from "@weftmesh/retries";
import { RequestAttemptTimeoutMs, requestTimeout, TotalTimeoutMs, totalTimeout } from "@weftmesh/timeout";
import type { SimService, StackSpec } from "../experiment.ts";
import { readsMayBeRetried } from "./classifiers.ts";

export interface ClientOptions {
  /** Peak EWMA if not given. */
  readonly kind?: BalancerKind;
  /** No breaker if not given. */
  readonly accrual?: FailureAccrualKind;
  readonly params?: Params;
}

/** A balancer over pooled connections, with a breaker per server if one is asked for: no retries. */
export function balancedClient({ kind = peakEwma(), accrual, params = Params.empty }: ClientOptions): StackSpec {
  return {
    modules: [classifier(), balancer(), ...breaker(accrual), poolModule()],
    params: accrualParams(accrual).with(BalancerParam, kind).with(ClassifierParam, readsMayBeRetried).merge(params),
  };
}

export interface RetryingClientOptions extends ClientOptions {
  readonly classifier?: Classifier;
  /** As the default, 10 a second and 20 %, if not given. */
  readonly budget?: Budget;
  /** Retries of one call at most: only the budget limits them if not given. */
  readonly maxRetries?: number;
  readonly totalTimeoutMs?: number;
  readonly attemptTimeoutMs?: number;
}

export interface Budget {
  readonly ttlMs: number;
  readonly minRetriesPerSec: number;
  /** 0.2 is one in five. */
  readonly percentCanRetry: number;
}

export const defaultBudget: Budget = { ttlMs: 10_000, minRetriesPerSec: 10, percentCanRetry: 0.2 };

/** As good as none: a thousand retries for each request. */
export const noBudget: Budget = { ttlMs: 10_000, minRetriesPerSec: 100_000, percentCanRetry: 1000 };

/** What Linkerd's default client is: retries and requeues within their budgets, around the balanced client. */
export function retryingClient(options: RetryingClientOptions = {}): StackSpec {
  const { kind = peakEwma(), accrual, budget = defaultBudget, params = Params.empty } = options;
  const { maxRetries = never, totalTimeoutMs = never, attemptTimeoutMs = never } = options;
  return {
    modules: [
      classifier(),
      totalTimeout(),
      retries(httpRetrying()),
      requeues(httpRetrying()),
      balancer(),
      ...breaker(accrual),
      requestTimeout(),
      poolModule(),
    ],
    params: accrualParams(accrual)
      .with(BalancerParam, kind)
      .with(ClassifierParam, options.classifier ?? readsMayBeRetried)
      .with(RetryBudgetParam, budget)
      .with(RequeueBudgetParam, budget)
      .with(MaxRetriesParam, maxRetries)
      .with(TotalTimeoutMs, totalTimeoutMs)
      .with(RequestAttemptTimeoutMs, attemptTimeoutMs)
      .merge(params),
  };
}

const never = Number.POSITIVE_INFINITY;

function breaker(accrual: FailureAccrualKind | undefined): Module<SimService>[] {
  return accrual === undefined ? [] : [failureAccrual()];
}

function accrualParams(accrual: FailureAccrualKind | undefined): Params {
  return accrual === undefined ? Params.empty : Params.empty.with(FailureAccrualParam, accrual);
}
