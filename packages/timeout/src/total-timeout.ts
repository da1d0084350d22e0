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
import { DynamicTimeouts, TotalTimeoutKey } from "./dynamic-timeouts.ts";
import { TotalTimeoutError } from "./errors.ts";
import { timeoutFilter } from "./timeout-filter.ts";

export const TotalTimeoutRole: Role = role("totalTimeout");

/** Longest wait for the head of a response over all attempts, in ms; `Infinity` leaves the module out. */
export const TotalTimeoutMs: Param<number> = param("totalTimeoutMs", Number.POSITIVE_INFINITY);

const newError = (timeoutMs: number): Error => new TotalTimeoutError(timeoutMs);

/** Must be above the retries: it cancels the ctx of the whole call. */
export const totalTimeout: <Req, Rep>() => Module<Service<Req, Rep>> = filterModule({
  role: TotalTimeoutRole,
  description: "Cancels a call, with all its retries, whose response has not begun in time, and lowers its deadline",
  params: { ms: TotalTimeoutMs, dynamic: DynamicTimeouts, clock: ClockParam },
  filter: ({ ms, dynamic, clock }) =>
    timeoutFilter(ms, clock, newError, dynamic ? { overriddenBy: TotalTimeoutKey } : undefined),
});
