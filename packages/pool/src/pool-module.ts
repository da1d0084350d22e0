import {
  ClockParam,
  type Module,
  type Param,
  param,
  type Role,
  role,
  type Service,
  sessionsBelow,
} from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { Pool } from "./pool.ts";

export const PoolRole: Role = role("pool");

const never = Number.POSITIVE_INFINITY;
/** Sessions per endpoint that are kept however long they are idle. */
export const PoolMinSize: Param<number> = param("poolMinSize", 0);
/** Sessions per endpoint at most. */
export const PoolMaxSize: Param<number> = param("poolMaxSize", never);
/** How long a session beyond the smallest size may be idle. */
export const PoolIdleTimeMs: Param<number> = param("poolIdleTimeMs", never);
/** Calls per endpoint that may wait for a session. */
export const PoolMaxWaiters: Param<number> = param("poolMaxWaiters", never);
/** How old a session may grow. */
export const SessionLifeTimeMs: Param<number> = param("sessionLifeTimeMs", never);
/** How long any session may be idle. */
export const SessionIdleTimeMs: Param<number> = param("sessionIdleTimeMs", never);

/** What a stack that is built otherwise breaks. */
export const poolPlace = "the pool must stand right above the transport";

/** What a pool of sessions reads, whether they are shared or not. */
export const poolParams: {
  readonly [K in
    | "minSize"
    | "maxSize"
    | "idleTimeMs"
    | "maxWaiters"
    | "sessionLifeTimeMs"
    | "sessionIdleTimeMs"]: Param<number>;
} & { readonly clock: typeof ClockParam; readonly stats: typeof StatsParam } = {
  minSize: PoolMinSize,
  maxSize: PoolMaxSize,
  idleTimeMs: PoolIdleTimeMs,
  maxWaiters: PoolMaxWaiters,
  sessionLifeTimeMs: SessionLifeTimeMs,
  sessionIdleTimeMs: SessionIdleTimeMs,
  clock: ClockParam,
  stats: StatsParam,
};

/**
 * Keeps an endpoint's sessions and makes each call on one of them.
 *
 * Must stand right above the leaf, which has to offer its sessions as an `unpooled` factory does: any other module in
 * between would sit between a session and the pool that owns it. Errors: TypeError when the stack is built otherwise.
 */
export function poolModule<Req, Rep>(): Module<Service<Req, Rep>> {
  return {
    role: PoolRole,
    description: "Keeps an endpoint's connections, and makes each call on one of them",
    params: poolParams,
    make: (values, next) => new Pool<Req, Rep>(sessionsBelow(values, next, poolPlace), values.pick(poolParams)),
  };
}
