import { type Clock, type Ctx, type Param, param } from "@weftmesh/core";
import { WireDeadlineKey } from "./deadline-reader.ts";
import { combineDeadlines, deadlineOfMs, type WireDeadline } from "./wire-deadline.ts";

/** Whether a callee is told of the deadline: for whoever writes the header. */
export const PropagateDeadlines: Param<boolean> = param<boolean>("propagateDeadlines", true);

/**
 * What a hop tells the next one: the deadline that came with the call and the one that its own timeouts set, whichever
 * ends first; undefined when there is neither.
 */
export function outgoingDeadline(ctx: Ctx, clock: Clock): WireDeadline | undefined {
  const wire = ctx.get(WireDeadlineKey);
  if (!(ctx.deadline < Number.POSITIVE_INFINITY)) return wire;
  const epochMs = clock.epochMs();
  const own = deadlineOfMs(epochMs, epochMs + ctx.deadline - clock.now());
  return wire === undefined ? own : combineDeadlines(wire, own);
}
