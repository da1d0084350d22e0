import * as z from "zod";
import { integer, PositiveCount } from "../types.ts";

/** What the whole process takes on at most. */
export interface OverloadConfig {
  readonly maxConnections?: number | undefined;
  readonly memorySoftPercent: number;
  readonly memoryHardPercent: number;
}

const percent = (example: number) => integer(1, 100, "a percentage: an integer from 1 to 100", example);

export function overloadSchema(): z.ZodType<OverloadConfig> {
  return z
    .strictObject({
      maxConnections: PositiveCount.optional().describe(
        "Connections of clients of all servers together; one more is closed at once; no limit when absent",
      ),
      memorySoftPercent: percent(80)
        .default(80)
        .describe("Share of the memory in use from which connections are closed behind their response"),
      memoryHardPercent: percent(92)
        .default(92)
        .describe("Share of the memory in use from which requests are refused with 503"),
    })
    .refine(({ memorySoftPercent, memoryHardPercent }) => memorySoftPercent < memoryHardPercent, {
      message: "memorySoftPercent must be below memoryHardPercent",
    });
}
