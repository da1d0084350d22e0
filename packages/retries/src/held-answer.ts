import type { Clock, Ctx, Timer } from "@weftmesh/core";
import type { HttpResponse } from "@weftmesh/http";
import { KeptStream } from "./kept-stream.ts";
import type { Held } from "./retry-protocol.ts";

/** Waits for the end of an answer; see `RetryProtocol.hold`. Its body can be piped once that is known, whatever it was. */
export function holdAnswer(
  attempt: Ctx,
  rep: HttpResponse,
  maxBytes: number,
  timeoutMs: number,
  clock: Clock,
): Held | Promise<Held> {
  const kept = new KeptStream(rep, maxBytes);
  kept.start();
  const known = outcomeOf(kept);
  if (known !== undefined) {
    kept.settle();
    return known;
  }
  return new Promise((resolve) => {
    let timer: Timer | undefined;
    const settle = (held: Held): void => {
      timer?.cancel();
      kept.onKnown = undefined;
      kept.settle();
      resolve(held);
    };
    kept.onKnown = () => settle(outcomeOf(kept) as Held);
    timer = clock.after(timeoutMs, () => settle("late"));
    attempt.onCancel((reason) => {
      kept.drop(reason);
      settle(reason);
    });
  });
}

function outcomeOf(kept: KeptStream): Held | undefined {
  if (kept.tooLong) return "tooLong";
  return kept.over ? (kept.error ?? "ended") : undefined;
}
