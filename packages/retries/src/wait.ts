import { type Clock, type Ctx, ok } from "@weftmesh/core";

/** Resolves after that time, and rejects with the reason when the call is cancelled before. */
export function wait(clock: Clock, delayMs: number, call: Ctx): Promise<void> {
  // A ctx of its own, since a call cannot forget who wants to hear of its end.
  const ctx = call.fork();
  return new Promise((resolve, reject) => {
    const timer = clock.after(delayMs, () => {
      ctx.end(ok);
      resolve();
    });
    ctx.onCancel((reason) => {
      timer.cancel();
      reject(reason);
    });
  });
}
