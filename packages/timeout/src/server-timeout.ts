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
import { ServerTimeoutError } from "./errors.ts";
import { timeoutFilter } from "./timeout-filter.ts";

export const ServerTimeoutRole: Role = role("serverTimeout");

/** Longest wait for the head of the server's own response, in ms; `Infinity` leaves the module out. */
export const ServerTimeoutMs: Param<number> = param("timeoutMs", Number.POSITIVE_INFINITY);

const newError = (timeoutMs: number): Error => new ServerTimeoutError(timeoutMs);

/** Must be below whatever turns errors into responses: it cancels the ctx that the server's codec made. */
export const serverTimeout: <Req, Rep>() => Module<Service<Req, Rep>> = filterModule({
  role: ServerTimeoutRole,
  description: "Cancels a call that this server has not begun to answer in time, and lowers its deadline",
  params: { ms: ServerTimeoutMs, clock: ClockParam },
  filter: ({ ms, clock }) => timeoutFilter(ms, clock, newError),
});
