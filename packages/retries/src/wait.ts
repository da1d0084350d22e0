import type { Clock, Ctx } from "@weftmesh/core";

/** Resolves after that time, and rejects with the reason when the call is cancelled before. */
export function wait(clock: Clock, delayMs: number, ctx: Ctx): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(delayMs, resolve);
    ctx.onCancel((reason) => {
      timer.cancel();
      reject(reason);
    });
  });
}
