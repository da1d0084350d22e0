import type { Clock, Ctx, Observer, Timer } from "@weftmesh/core";
import { RetriedError } from "./errors.ts";
import type { RetryProtocol } from "./retry-protocol.ts";

class DiscardTimer implements Observer {
  readonly #timer: Timer;

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  onEnd(): void {
    this.#timer.cancel();
  }
}

/** Throws an answer away, and cancels its attempt if the rest of it does not come in time: nobody else would. */
export function discardAttempt<Rep>(protocol: RetryProtocol<never, Rep>, clock: Clock, attempt: Ctx, rep: Rep): void {
  const reason = new RetriedError();
  protocol.discard(rep, reason);
  const { maxDiscardMs } = protocol;
  if (attempt.ended || maxDiscardMs === Number.POSITIVE_INFINITY) return;
  attempt.observe(new DiscardTimer(clock.after(maxDiscardMs, () => attempt.cancel(reason))));
}
