import {
  ClockParam,
  filterModule,
  type Module,
  type Param,
  param,
  type Role,
  role,
  type Service,
} from "@weftmesh/core";
import { DynamicTimeouts, RequestTimeoutKey } from "./dynamic-timeouts.ts";
import { RequestTimeoutError } from "./errors.ts";
import { timeoutFilter } from "./timeout-filter.ts";

export const RequestTimeoutRole: Role = role("requestTimeout");

/** Longest wait for the head of a response to one attempt, in ms; `Infinity` leaves the module out. */
export const RequestAttemptTimeoutMs: Param<number> = param("requestAttemptTimeoutMs", Number.POSITIVE_INFINITY);

/**
 * What the way to an endpoint adds to the fixed time of an attempt, in ms: set it where the stack of an endpoint is
 * built, for one that is far away. It may be below zero; a sum that is not above zero leaves the module out.
 */
export const LatencyCompensationMs: Param<number> = param("latencyCompensationMs", 0);

const newError = (timeoutMs: number): Error => new RequestTimeoutError(timeoutMs);

/** Must be below the retries: it cancels the ctx it is given, which has to be the attempt's own. */
export const requestTimeout: <Req, Rep>() => Module<Service<Req, Rep>> = filterModule({
  role: RequestTimeoutRole,
  description: "Cancels an attempt whose response has not begun in time, and lowers its deadline",
  params: {
    ms: RequestAttemptTimeoutMs,
    compensationMs: LatencyCompensationMs,
    dynamic: DynamicTimeouts,
    clock: ClockParam,
  },
  filter: ({ ms, compensationMs, dynamic, clock }) =>
    timeoutFilter(ms + compensationMs, clock, newError, {
      isInnermost: true,
      ...(dynamic ? { overriddenBy: RequestTimeoutKey } : {}),
    }),
});
