export { PoolWaitersError } from "./errors.ts";
export type { SessionLimits } from "./idle-reaper.ts";
export { Pool, type PoolOptions } from "./pool.ts";
export {
  PoolIdleTimeMs,
  PoolMaxSize,
  PoolMaxWaiters,
  PoolMinSize,
  PoolRole,
  poolModule,
  SessionIdleTimeMs,
  SessionLifeTimeMs,
} from "./pool-module.ts";
export type { OwnedSession, SessionOwner } from "./session-owner.ts";
export { UnpooledService, unpooled } from "./unpooled.ts";
