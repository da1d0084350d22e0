import { MaxConcurrentRequests } from "@weftmesh/admission";
import { BalancerParam, leastLoaded, peakEwma } from "@weftmesh/balancer";
import { ClassifierParam } from "@weftmesh/classify";
import type { ServiceConfig } from "@weftmesh/config";
import { type Classifier, type Param, Params } from "@weftmesh/core";
import {
  PoolIdleTimeMs,
  PoolMaxSize,
  PoolMaxWaiters,
  PoolMinSize,
  SessionIdleTimeMs,
  SessionLifeTimeMs,
} from "@weftmesh/pool";
import { ClearContextParam, ForwardedParam, MaxCallDepthParam, TimestampHeaderParam } from "@weftmesh/router";
import { RequestAttemptTimeoutMs, ServerTimeoutMs, TotalTimeoutMs } from "@weftmesh/timeout";
import type { HttpClient, HttpServerConfig } from "./config.ts";
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
  const { responseClassifier } = config;
  const classifier = responseClassifier?.plugin.make(responseClassifier.config, params) ?? fallback;
  return new Given().set(ClassifierParam, classifier).set(TotalTimeoutMs, config.totalTimeoutMs).params;
}

export function clientParams(config: Partial<HttpClient>): Params {
  const { hostConnectionPool: pool, clientSession: session, loadBalancer } = config;
  const given = new Given()
    .set(RequestAttemptTimeoutMs, config.requestAttemptTimeoutMs)
    .set(PoolMinSize, pool?.minSize)
    .set(PoolMaxSize, pool?.maxSize)
    .set(PoolIdleTimeMs, pool?.idleTimeMs)
    .set(PoolMaxWaiters, pool?.maxWaiters)
    .set(SessionLifeTimeMs, session?.lifeTimeMs)
    .set(SessionIdleTimeMs, session?.idleTimeMs)
    .set(ClientSocketParam, config.socketOptions);
  if (loadBalancer?.kind === "p2c") given.set(BalancerParam, leastLoaded({ maxEffort: loadBalancer.maxEffort }));
  if (loadBalancer?.kind === "ewma") {
    given.set(BalancerParam, peakEwma({ maxEffort: loadBalancer.maxEffort, decayTimeMs: loadBalancer.decayTimeMs }));
  }
  return given.params;
}
