export { type SessionLeaf, UnpooledService, unpooled } from "@weftmesh/core";
export { BalancingPool, type BalancingPoolOptions } from "./balancing-pool.ts";
export type { ConnectingPool, ConnectingPoolOptions } from "./connecting-pool.ts";
export { DeadSessionError, PoolDeadlineError, PoolWaitersError } from "./errors.ts";
export type { SessionLimits } from "./idle-reaper.ts";
export type { MultiplexedSession } from "./multiplexed-session.ts";
export { Pool, type PoolOptions } from "./pool.ts";
export {
  PoolIdleTimeMs,
  PoolMaxSize,
  PoolMaxWaiters,
  PoolMinSize,
  PoolRole,
  poolModule,
  poolParams,
  SessionIdleTimeMs,
  SessionLifeTimeMs,
} from "./pool-module.ts";
export type { OwnedSession, SessionOwner } from "./session-owner.ts";
export { SharedPool, type SharedPoolOptions } from "./shared-pool.ts";
export type { SharedLimits } from "./shared-session.ts";
export { PoolAllowInterrupts, PoolSessions, sharedPool, singletonPool } from "./singleton-module.ts";
export { SingletonPool, type SingletonPoolOptions } from "./singleton-pool.ts";
