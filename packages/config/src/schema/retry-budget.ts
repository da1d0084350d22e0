import * as z from "zod";
import { Count, decimal, integer } from "../types.ts";

/** How many calls may be repeated. */
export interface RetryBudgetConfig {
  readonly ttlSecs: number;
  readonly minRetriesPerSec: number;
  readonly percentCanRetry: number;
}

export function retryBudgetSchema(): z.ZodType<RetryBudgetConfig> {
  return z.strictObject({
    ttlSecs: integer(1, 60, "seconds: an integer from 1 to 60", 10)
      .default(10)
      .describe("How long a call counts towards the budget"),
    minRetriesPerSec: Count.default(10).describe("Retries a second that are allowed to quiet clients"),
    percentCanRetry: decimal(0, 1000, "a number from 0 to 1000, where 0.2 is one in five", 0.2)
      .default(0.2)
      .describe("Retries per call, as a fraction: 0.2 is one in five"),
  });
}
