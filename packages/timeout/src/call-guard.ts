import { type Clock, type Ctx, type CtxKey, ctxKey, type Observer, type Timer } from "@weftmesh/core";

export type NewTimeoutError = (timeoutMs: number) => Error;

/** Cancels one call when its time is up. The head of the response stops it, or the end where it guards the body too. */
export class CallGuard implements Observer {
  readonly untilMs: number;
  readonly #coversBody: boolean;
  readonly #timer: Timer;
  #armed = true;

  constructor(ctx: Ctx, nowMs: number, untilMs: number, clock: Clock, newError: NewTimeoutError, coversBody: boolean) {
    const ms = untilMs - nowMs;
    this.untilMs = untilMs;
    this.#coversBody = coversBody;
    this.#timer = clock.after(ms, () => {
      if (ctx.cancelled === undefined) ctx.cancel(newError(Math.ceil(ms)));
    });
  }

  get armed(): boolean {
    return this.#armed;
  }

  onResponse(): void {
    if (!this.#coversBody) this.#stop();
  }

  onEnd(): void {
    this.#stop();
  }

  #stop(): void {
    this.#armed = false;
    this.#timer.cancel();
  }
}

/** The guard that stands above, whose time a guard further down cannot outlast. */
const GuardKey: CtxKey<CallGuard | undefined> = ctxKey<CallGuard | undefined>("callGuard", undefined);

/**
 * Lowers the deadline of a call to `untilMs` and sees that it is kept.
 *
 * Cost: no timer and no object when a guard further up fires no later. `shows` tells those further down of this one; the
 * innermost saves the note.
 */
export function guardCall(
  ctx: Ctx,
  nowMs: number,
  untilMs: number,
  clock: Clock,
  newError: NewTimeoutError,
  shows: boolean,
  coversBody = false,
): void {
  // Only a call that has a deadline can have a guard above it.
  if (!coversBody && ctx.deadline !== Number.POSITIVE_INFINITY) {
    const above = ctx.get(GuardKey);
    if (above?.armed === true && above.untilMs <= untilMs) {
      ctx.deadline = untilMs;
      return;
    }
  }
  ctx.deadline = untilMs;
  const guard = new CallGuard(ctx, nowMs, untilMs, clock, newError, coversBody);
  if (shows) ctx.set(GuardKey, guard);
  ctx.observe(guard);
}
