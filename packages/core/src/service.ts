import type { Ctx } from "./ctx.ts";
import type { Status } from "./status.ts";

/**
 * Something that answers requests.
 *
 * A call's promise settles with the *head* of the answer; the call is over when its maker calls `ctx.end`, which for
 * a streamed body is later. When `ctx` is cancelled the promise rejects promptly with the reason.
 */
export interface Service<in Req, out Rep> {
  call(req: Req, ctx: Ctx): Promise<Rep>;
  readonly status: Status;
  /** Ends at once for new calls; resolves when those in flight are over. A second call returns the same. */
  close(): Promise<void>;
}

/** Makes a service for a target, at once and without fail: what can go wrong goes wrong in `call`. */
export interface NewService<in Target, in Req, out Rep> {
  make(target: Target): Service<Req, Rep>;
}

/** Opens sessions: one connection each. Used below the pool only. */
export interface ServiceFactory<in Req, out Rep> {
  open(ctx: Ctx): Promise<Service<Req, Rep>>;
  readonly status: Status;
  close(): Promise<void>;
}

/** A service from a function: always open, and closing it does nothing. */
export function service<Req, Rep>(call: (req: Req, ctx: Ctx) => Promise<Rep>): Service<Req, Rep> {
  return { call, status: "open", close: () => Promise.resolve() };
}

/** A service that fails every call with the same error. */
export function failing<Req, Rep>(error: Error, status: Status = "open"): Service<Req, Rep> {
  return { call: () => Promise.reject(error), status, close: () => Promise.resolve() };
}
