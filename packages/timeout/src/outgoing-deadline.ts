import { type Clock, type Ctx, type Param, param } from "@weftmesh/core";
import { WireDeadlineKey } from "./deadline-reader.ts";
import { combineDeadlines, deadlineOfMs, showDeadline, showDeadlineOfMs } from "./wire-deadline.ts";

/** Whether a callee is told of the deadline: for whoever writes the header. */
export const PropagateDeadlines: Param<boolean> = param<boolean>("propagateDeadlines", true);

/**
 * What a hop tells the next one in `l5d-ctx-deadline`: the deadline that came with the call or the one that its own
 * timeouts set, whichever ends first; undefined when there is neither.
 */
export function outgoingDeadline(ctx: Ctx, clock: Clock): string | undefined {
  const wire = ctx.get(WireDeadlineKey);
  if (!(ctx.deadline < Number.POSITIVE_INFINITY)) return wire === undefined ? undefined : showDeadline(wire);
  const epochMs = clock.epochMs();
  const endMs = epochMs + ctx.deadline - clock.now();
  if (wire === undefined) return showDeadlineOfMs(epochMs, endMs);
  return showDeadline(combineDeadlines(wire, deadlineOfMs(epochMs, endMs)));
}
