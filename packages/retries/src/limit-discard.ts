import type { Clock, Ctx, Observer, Param, Timer } from "@weftmesh/core";
import { param } from "@weftmesh/core";

/** How long the answer of an attempt that was retried may take to end, before its attempt is cancelled; in ms. */
export const MaxDiscardMsParam: Param<number> = param("maxDiscardMs", 1000);

class DiscardTimer implements Observer {
  readonly #timer: Timer;

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  onEnd(): void {
    this.#timer.cancel();
  }
}

/**
 * Cancels an attempt whose answer nobody wants if it has not ended by then: its peer may never end it, and whoever made
 * the call is no longer there to lose patience.
 */
export function limitDiscard(clock: Clock, attempt: Ctx, maxMs: number, reason: Error): void {
  if (attempt.ended) return;
  attempt.observe(new DiscardTimer(clock.after(maxMs, () => attempt.cancel(reason))));
}
