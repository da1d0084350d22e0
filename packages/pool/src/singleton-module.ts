import { ClockParam, type Module, type Param, param, type Service, sessionsBelow } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { BalancingPool } from "./balancing-pool.ts";
import {
  PoolMaxWaiters,
  PoolRole,
  poolParams,
  poolPlace,
  SessionIdleTimeMs,
  SessionLifeTimeMs,
} from "./pool-module.ts";
import { SharedPool } from "./shared-pool.ts";
import { SingletonPool } from "./singleton-pool.ts";

/** Sessions per endpoint at most, each shared by many calls. */
export const PoolSessions: Param<number> = param("poolSessions", 1);
/** Whether a connect is given up when every call that waits for it has gone away. */
export const PoolAllowInterrupts: Param<boolean> = param("poolAllowInterrupts", false);

const params = {
  sessions: PoolSessions,
  allowInterrupts: PoolAllowInterrupts,
  maxWaiters: PoolMaxWaiters,
  sessionLifeTimeMs: SessionLifeTimeMs,
  sessionIdleTimeMs: SessionIdleTimeMs,
  clock: ClockParam,
  stats: StatsParam,
};

/**
 * Makes an endpoint's calls on one session, or on a few, which take many calls at a time: the `pool` of a stack whose
 * protocol multiplexes.
 *
 * Must stand right above the leaf, which has to offer its sessions as an `unpooled` factory does. Errors: TypeError when
 * the stack is built otherwise, RangeError for less than one session.
 */
export function singletonPool<Req, Rep>(): Module<Service<Req, Rep>> {
  return {
    role: PoolRole,
    description: "Makes all calls to an endpoint on one connection, or on a few, that they share",
    params,
    make: (values, next) => {
      const sessions = sessionsBelow<Req, Rep>(values, next, poolPlace);
      const options = values.pick(params);
      return options.sessions === 1
        ? new SingletonPool<Req, Rep>(sessions, options)
        : new BalancingPool<Req, Rep>(sessions, options);
    },
  };
}

/**
 * Makes an endpoint's calls on one session, which many share, and on another when that takes no more of them: the `pool`
 * of a stack whose protocol multiplexes within limits, as HTTP/2 does.
 *
 * Must stand right above the leaf, as `singletonPool`. Errors: TypeError when the stack is built otherwise.
 */
export function sharedPool<Req, Rep>(): Module<Service<Req, Rep>> {
  return {
    role: PoolRole,
    description: "Makes an endpoint's calls on one connection that they share, and on another when that is full",
    params: poolParams,
    make: (values, next) => new SharedPool<Req, Rep>(sessionsBelow(values, next, poolPlace), values.pick(poolParams)),
  };
}
