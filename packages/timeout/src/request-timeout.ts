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
import { RequestTimeoutError } from "./errors.ts";
import { timeoutFilter } from "./timeout-filter.ts";

export const RequestTimeoutRole: Role = role("requestTimeout");

/** Longest wait for the head of a response to one attempt, in ms; `Infinity` leaves the module out. */
export const RequestAttemptTimeoutMs: Param<number> = param("requestAttemptTimeoutMs", Number.POSITIVE_INFINITY);

/** Must be below the retries: it cancels the ctx it is given, which has to be the attempt's own. */
export const requestTimeout: <Req, Rep>() => Module<Service<Req, Rep>> = filterModule({
  role: RequestTimeoutRole,
  description: "Cancels an attempt whose response has not begun in time, and lowers its deadline",
  params: { ms: RequestAttemptTimeoutMs, clock: ClockParam },
  filter: ({ ms, clock }) => timeoutFilter(ms, clock, (timeoutMs) => new RequestTimeoutError(timeoutMs)),
});
