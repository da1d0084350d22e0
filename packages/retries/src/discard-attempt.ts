import type { Clock, Ctx } from "@weftmesh/core";
import { RetriedError } from "./errors.ts";
import type { RetryProtocol } from "./retry-protocol.ts";

/** Throws an answer away, and cancels its attempt if the rest of it does not come in time: nobody else would. */
export function discardAttempt<Rep>(protocol: RetryProtocol<never, Rep>, clock: Clock, attempt: Ctx, rep: Rep): void {
  const reason = new RetriedError();
  protocol.discard(rep, reason);
  if (attempt.ended || protocol.maxDiscardMs === Number.POSITIVE_INFINITY) return;
  const timer = clock.after(protocol.maxDiscardMs, () => attempt.cancel(reason));
  attempt.observe({ onEnd: () => timer.cancel() });
}
