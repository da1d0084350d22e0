import * as z from "zod";
import type { PluginSource } from "../plugin.ts";
import { type Chosen, pluginPosition } from "../plugin-position.ts";
import { DurationMs } from "../types.ts";
import { type Backoff, backoffSchema } from "./backoff.ts";
import { type RetryBudgetConfig, retryBudgetSchema } from "./retry-budget.ts";

/** When a request is sent again. */
export interface RetriesConfig {
  readonly budget?: RetryBudgetConfig | undefined;
  readonly backoff?: Backoff | undefined;
}

/** How requests for a logical name are treated: the keys that every protocol has. What is absent was not said. */
export interface ServiceConfig {
  readonly totalTimeoutMs?: number | undefined;
  readonly retries?: RetriesConfig | undefined;
  readonly responseClassifier?: Chosen<"classifier"> | undefined;
}

/** The keys of a service, beside those that the protocol adds. None has a default here: entries are merged first. */
export function serviceKeys(plugins: PluginSource): {
  readonly [K in keyof ServiceConfig]-?: z.ZodType<ServiceConfig[K]>;
} {
  return {
    totalTimeoutMs: DurationMs.optional().describe(
      "Longest time for a request with all its attempts; none when absent",
    ),
    retries: z
      .strictObject({
        budget: retryBudgetSchema().optional().describe("How many requests may be sent again"),
        backoff: backoffSchema().optional().describe("Wait before the next attempt; none when absent"),
      })
      .optional()
      .describe("When a request is sent again"),
    responseClassifier: pluginPosition(plugins, "classifier")
      .optional()
      .describe("Which responses are failures, and which of those may be sent again"),
  };
}
