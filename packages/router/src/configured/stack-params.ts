import { MaxConcurrentRequests } from "@weftmesh/admission";
import { BalancerParam, EnableProbationParam, PanicThresholdParam, ZonePreferenceParam } from "@weftmesh/balancer";
import { ClassifierParam } from "@weftmesh/classify";
import type {
  Chosen,
  ClientConfig,
  HttpClientConfig,
  HttpServerConfig,
  ServerConfig,
  ServiceConfig,
  SocketOptions,
} from "@weftmesh/config";
import { type Classifier, type Param, Params, param } from "@weftmesh/core";
import { FailFastParam, FailureAccrualParam, MaxEjectionPercentParam } from "@weftmesh/failure-accrual";
import { MaxExtraLoad, MinHedgeDelayMs, SendInterrupts } from "@weftmesh/hedge";
import {
  PoolIdleTimeMs,
  PoolMaxSize,
  PoolMaxWaiters,
  PoolMinSize,
  SessionIdleTimeMs,
  SessionLifeTimeMs,
} from "@weftmesh/pool";
import { MaxRetriesParam, RequeueBudgetParam, RetryBackoffParam, RetryBudgetParam } from "@weftmesh/retries";
import { RequestAttemptTimeoutMs, ServerTimeoutMs, TotalTimeoutMs } from "@weftmesh/timeout";
import { ClearForwardedParam } from "../clear-forwarded.ts";
import { ForwardClientCertParam } from "../client-cert-header.ts";
import { ForwardedParam } from "../forwarded-header.ts";
import { MaxCallDepthParam } from "../max-call-depth.ts";
import { type NewRequestAuthorizer, RequestAuthorizersParam } from "../request-authorizers.ts";
import { ClearContextParam } from "../request-context.ts";
import { balancerOf } from "./balancer-kind.ts";
import { given } from "./given.ts";
import { backoffOf, budgetOf, failureAccrualOf } from "./reliability-params.ts";

/** How the connections of a client are set up. */
export const ClientSocketParam: Param<SocketOptions | undefined> = param<SocketOptions | undefined>(
  "socketOptions",
  undefined,
);

/** Collects what a config says; what it leaves out stays with the defaults of the parameters. */
export class GivenParams {
  params: Params = Params.empty;

  set<T>(key: Param<T>, value: T | undefined): this {
    if (value !== undefined) this.params = this.params.with(key, value as NoInfer<T>);
    return this;
  }
}

/** Those of every server. */
export function serverParams(config: ServerConfig & HttpServerConfig): GivenParams {
  return new GivenParams()
    .set(ClearContextParam, config.clearContext)
    .set(ClearForwardedParam, config.clearForwarded)
    .set(ForwardedParam, config.addForwardedHeader)
    .set(MaxCallDepthParam, config.maxCallDepth)
    .set(MaxConcurrentRequests, config.maxConcurrentRequests)
    .set(ServerTimeoutMs, config.timeoutMs);
}

/** `params` are those of the router, for a classifier that needs a clock or counts. */
export function serviceParams(
  config: Partial<ServiceConfig>,
  fallback: Classifier | undefined,
  params: Params,
): GivenParams {
  const { responseClassifier, retries, hedge } = config;
  const classifier = responseClassifier?.plugin.make(responseClassifier.config, params) ?? fallback;
  return new GivenParams()
    .set(ClassifierParam, classifier)
    .set(TotalTimeoutMs, config.totalTimeoutMs)
    .set(RetryBudgetParam, budgetOf(retries?.budget))
    .set(RetryBackoffParam, backoffOf(retries?.backoff))
    .set(MaxRetriesParam, retries?.maxRetries)
    .set(MaxExtraLoad, hedge?.maxExtraLoad)
    .set(MinHedgeDelayMs, hedge?.minHedgeDelayMs)
    .set(SendInterrupts, hedge?.sendInterrupts);
}

function authorizerOf({ plugin, config }: Chosen<"requestAuthorizer">): NewRequestAuthorizer {
  return (params) => plugin.make(config, params);
}

/** Those of every client. */
export function clientParams(config: Partial<ClientConfig & HttpClientConfig>): GivenParams {
  const { hostConnectionPool: pool, clientSession: session, loadBalancer } = config;
  const zone = loadBalancer?.zonePreference;
  return new GivenParams()
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
    .set(MaxEjectionPercentParam, config.failureAccrual?.maxEjectionPercent)
    .set(EnableProbationParam, loadBalancer?.enableProbation)
    .set(PanicThresholdParam, loadBalancer?.panicThresholdPercent)
    .set(ZonePreferenceParam, zone === undefined ? undefined : given(zone))
    .set(BalancerParam, balancerOf(loadBalancer))
    .set(ForwardClientCertParam, config.forwardClientCert)
    .set(RequestAuthorizersParam, config.requestAuthorizers?.map(authorizerOf))
    .set(ClientSocketParam, config.socketOptions);
}
