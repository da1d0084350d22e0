import type { Ctx, Service } from "@weftmesh/core";
import { Ctx as CoreCtx, dispatch } from "@weftmesh/core";
import type { ManualClock } from "@weftmesh/testkit";

/** How a call ended, and when. */
export interface CallEnding {
  readonly result: string;
  readonly atMs: number;
}

/** Starts a call whose reply is a text; the result is that, or the code of the error. Undefined while it is under way. */
export function callEnding(
  clock: ManualClock,
  svc: Service<string, string>,
  ctx: Ctx = new CoreCtx(),
): () => CallEnding | undefined {
  let ending: CallEnding | undefined;
  const note = (result: string): void => {
    ending = { result, atMs: clock.now() };
  };
  dispatch(svc, "req", ctx).then(note, (error: { code: string }) => note(error.code));
  return () => ending;
}
