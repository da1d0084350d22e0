import { MaxConcurrentRequests } from "@weftmesh/admission";
import { BalancerParam, EnableProbationParam } from "@weftmesh/balancer";
import { ClassifierParam } from "@weftmesh/classify";
import type { ServiceConfig } from "@weftmesh/config";
import { type Classifier, type Param, Params } from "@weftmesh/core";
import { FailFastParam, FailureAccrualParam } from "@weftmesh/failure-accrual";
import {
  PoolIdleTimeMs,
  PoolMaxSize,
  PoolMaxWaiters,
  PoolMinSize,
  SessionIdleTimeMs,
  SessionLifeTimeMs,
} from "@weftmesh/pool";
import { RequeueBudgetParam, RetryBackoffParam, RetryBudgetParam } from "@weftmesh/retries";
import { ClearContextParam, ForwardedParam, MaxCallDepthParam, TimestampHeaderParam } from "@weftmesh/router";
import { RequestAttemptTimeoutMs, ServerTimeoutMs, TotalTimeoutMs } from "@weftmesh/timeout";
import { balancerOf } from "./balancer-kind.ts";
import type { HttpClient, HttpServerConfig } from "./config.ts";
import { backoffOf, budgetOf, failureAccrualOf } from "./reliability-params.ts";
import { ClientSocketParam } from "./transport.ts";

/** Collects what a config says; what it leaves out stays with the defaults of the parameters. */
class Given {
  params: Params = Params.empty;

  set<T>(key: Param<T>, value: T | undefined): this {
    if (value !== undefined) this.params = this.params.with(key, value as NoInfer<T>);
    return this;
  }
}

export function serverParams(config: HttpServerConfig): Params {
  return new Given()
    .set(ClearContextParam, config.clearContext)
    .set(ForwardedParam, config.addForwardedHeader)
    .set(TimestampHeaderParam, config.timestampHeader)
    .set(MaxCallDepthParam, config.maxCallDepth)
    .set(MaxConcurrentRequests, config.maxConcurrentRequests)
    .set(ServerTimeoutMs, config.timeoutMs).params;
}

/** `params` are those of the router, for a classifier that needs a clock or counts. */
export function serviceParams(
  config: Partial<ServiceConfig>,
  fallback: Classifier | undefined,
  params: Params,
): Params {
  const { responseClassifier, retries } = config;
  const classifier = responseClassifier?.plugin.make(responseClassifier.config, params) ?? fallback;
  return new Given()
    .set(ClassifierParam, classifier)
    .set(TotalTimeoutMs, config.totalTimeoutMs)
    .set(RetryBudgetParam, budgetOf(retries?.budget))
    .set(RetryBackoffParam, backoffOf(retries?.backoff)).params;
}

export function clientParams(config: Partial<HttpClient>): Params {
  const { hostConnectionPool: pool, clientSession: session, loadBalancer } = config;
  return new Given()
    .set(RequestAttemptTimeoutMs, config.requestAttemptTimeoutMs)
    .set(PoolMinSize, pool?.minSize)
    .set(PoolMaxSize, pool?.maxSize)
    .set(PoolIdleTimeMs, pool?.idleTimeMs)
    .set(PoolMaxWaiters, pool?.maxWaiters)
    .set(SessionLifeTimeMs, session?.lifeTimeMs)
    .set(SessionIdleTimeMs, session?.idleTimeMs)
    .set(FailFastParam, config.failFast)
    .set(FailureAccrualParam, failureAccrualOf(config.failureAccrual))
    .set(RequeueBudgetParam, budgetOf(config.requeueBudget))
    .set(EnableProbationParam, loadBalancer?.enableProbation)
    .set(BalancerParam, balancerOf(loadBalancer))
    .set(ClientSocketParam, config.socketOptions).params;
}
