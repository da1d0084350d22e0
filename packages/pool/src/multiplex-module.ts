import { ClockParam, type Module, type Param, param, type Service } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { MultiplexPool } from "./multiplex-pool.ts";
import { PoolMaxWaiters, PoolRole, SessionIdleTimeMs, SessionLifeTimeMs } from "./pool-module.ts";
import { sessionsBelow } from "./session-leaf.ts";
import { PoolAllowInterrupts } from "./singleton-module.ts";

const never = Number.POSITIVE_INFINITY;
/** Sessions per endpoint at most, each shared by as many calls as the peer takes on it. */
export const PoolMaxSessions: Param<number> = param("poolMaxSessions", never);

const params = {
  maxSessions: PoolMaxSessions,
  allowInterrupts: PoolAllowInterrupts,
  maxWaiters: PoolMaxWaiters,
  sessionLifeTimeMs: SessionLifeTimeMs,
  sessionIdleTimeMs: SessionIdleTimeMs,
  clock: ClockParam,
  stats: StatsParam,
};

/**
 * Makes an endpoint's calls on one session that they share, and on more where the peer limits the calls of each: the
 * `pool` of a stack of HTTP/2.
 *
 * Must stand right above the leaf, which has to offer its sessions as an `unpooled` factory does. Errors: TypeError when
 * the stack is built otherwise, RangeError for less than one session.
 */
export function multiplexPool<Req, Rep>(): Module<Service<Req, Rep>> {
  return {
    role: PoolRole,
    description:
      "Makes all calls to an endpoint on one connection that they share, and on more when it is at its limit",
    params,
    make: (values, next) => new MultiplexPool<Req, Rep>(sessionsBelow<Req, Rep>(values, next), values.pick(params)),
  };
}
