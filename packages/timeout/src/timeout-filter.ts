import type { AnyFilter, Clock, Ctx, Observer, Timer } from "@weftmesh/core";

type NewError = (timeoutMs: number) => Error;

/** Cancels one call when its time is up; the head of the response, or the end, stops it. */
class Expiry implements Observer {
  readonly #timer: Timer;

  constructor(ctx: Ctx, ms: number, clock: Clock, newError: NewError) {
    this.#timer = clock.after(ms, () => ctx.cancel(newError(Math.ceil(ms))));
  }

  onResponse(): void {
    this.#timer.cancel();
  }

  onEnd(): void {
    this.#timer.cancel();
  }
}

/**
 * Arms a timer that cancels the call. Whoever holds the call below owes a prompt rejection with the reason, so no
 * promise is added here.
 *
 * Shape: waits for `timeoutMs` or until the call's own deadline, whichever comes first, and lowers the deadline for
 * what stands below. A call whose deadline has passed is not passed on at all. Undefined, so that no layer is built,
 * unless `timeoutMs` is a finite number above zero.
 */
export function timeoutFilter(timeoutMs: number, clock: Clock, newError: NewError): AnyFilter | undefined {
  if (!(timeoutMs > 0) || timeoutMs === Number.POSITIVE_INFINITY) return undefined;
  return (req, ctx, next) => {
    const nowMs = clock.now();
    const untilMs = Math.min(ctx.deadline, nowMs + timeoutMs);
    if (untilMs <= nowMs) return Promise.reject(newError(0));
    ctx.deadline = untilMs;
    ctx.observe(new Expiry(ctx, untilMs - nowMs, clock, newError));
    return next.call(req, ctx);
  };
}
