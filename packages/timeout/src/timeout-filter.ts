import type { AnyFilter, Clock, Ctx, CtxKey } from "@weftmesh/core";
import { guardCall, type NewTimeoutError } from "./call-guard.ts";

export interface TimeoutFilterOptions {
  /** Where a call may bring a time of its own, in ms, which counts instead; see `timeoutFilter`. */
  readonly overriddenBy?: CtxKey<number | undefined>;
  /** No other timeout stands below this one, so that none has to be told of it. */
  readonly isInnermost?: boolean;
}

/** Whether it is a time to wait for at all. */
function isLimit(ms: number): boolean {
  return ms > 0 && ms !== Number.POSITIVE_INFINITY;
}

/**
 * Arms a timer that cancels the call. Whoever holds the call below owes a prompt rejection with the reason, so no
 * promise is added here.
 *
 * Shape: waits for `timeoutMs` or until the call's own deadline, whichever comes first, and lowers the deadline for
 * what stands below. A call whose deadline has passed is not passed on at all. Undefined, so that no layer is built,
 * unless `timeoutMs` is a finite number above zero or calls may bring their own. A call's own time counts if it is
 * above zero; `Infinity` lifts the limit for that call, whose deadline is then not this filter's business.
 * Cost: nothing is armed where a timeout further up fires no later.
 */
export function timeoutFilter(
  timeoutMs: number,
  clock: Clock,
  newError: NewTimeoutError,
  options?: TimeoutFilterOptions,
): AnyFilter | undefined {
  const overriddenBy = options?.overriddenBy;
  const shows = options?.isInnermost !== true;
  const fixedMs = isLimit(timeoutMs) ? timeoutMs : Number.POSITIVE_INFINITY;

  /** The error when it is too late to pass the call on. */
  function limit(ctx: Ctx, ms: number): Error | undefined {
    const nowMs = clock.now();
    const untilMs = Math.min(ctx.deadline, nowMs + ms);
    if (untilMs <= nowMs) return newError(0);
    guardCall(ctx, nowMs, untilMs, clock, newError, shows);
    return undefined;
  }

  if (overriddenBy !== undefined) {
    return (req, ctx, next) => {
      const ownMs = ctx.get(overriddenBy);
      const ms = ownMs !== undefined && ownMs > 0 ? ownMs : fixedMs;
      if (ms === Number.POSITIVE_INFINITY) return next.call(req, ctx);
      const late = limit(ctx, ms);
      return late === undefined ? next.call(req, ctx) : Promise.reject(late);
    };
  }
  if (fixedMs === Number.POSITIVE_INFINITY) return undefined;
  return (req, ctx, next) => {
    const late = limit(ctx, fixedMs);
    return late === undefined ? next.call(req, ctx) : Promise.reject(late);
  };
}
