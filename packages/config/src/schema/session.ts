import * as z from "zod";
import { DurationMs } from "../types.ts";

/** How long connections may live. */
export interface SessionLimits {
  readonly lifeTimeMs?: number | undefined;
  readonly idleTimeMs?: number | undefined;
}

export function sessionSchema(): z.ZodType<SessionLimits> {
  return z.strictObject({
    lifeTimeMs: DurationMs.optional().describe("Close a connection of this age; no limit when absent"),
    idleTimeMs: DurationMs.optional().describe(
      "Close a connection without a request for this long; no limit when absent",
    ),
  });
}
