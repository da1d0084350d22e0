import * as z from "zod";
import type { PluginSource } from "../plugin.ts";
import { type Chosen, pluginPosition } from "../plugin-position.ts";
import { Count, DurationMs, decimal, Flag, PositiveCount } from "../types.ts";
import { type Backoff, backoffSchema } from "./backoff.ts";
import { type RetryBudgetConfig, retryBudgetSchema } from "./retry-budget.ts";

/** When a request is sent again. */
export interface RetriesConfig {
  readonly budget?: RetryBudgetConfig | undefined;
  readonly backoff?: Backoff | undefined;
  readonly maxRetries?: number | undefined;
}

/** When a request is sent a second time because its answer is late. */
export interface HedgeConfig {
  readonly maxExtraLoad: number;
  readonly minHedgeDelayMs: number;
  readonly sendInterrupts: boolean;
}

/** How requests for a logical name are treated: the keys that every protocol has. What is absent was not said. */
export interface ServiceConfig {
  readonly totalTimeoutMs?: number | undefined;
  readonly retries?: RetriesConfig | undefined;
  readonly hedge?: HedgeConfig | undefined;
  readonly responseClassifier?: Chosen<"classifier"> | undefined;
}

const families: Readonly<Record<string, string>> = { http: "io.l5d.http.", h2: "io.l5d.h2." };

/** Where a classifier stands in a router of that protocol, which takes none that was made for another one. */
export function classifierPosition(
  plugins: PluginSource,
  protocol: "http" | "h2" | undefined,
): z.ZodType<Chosen<"classifier"> | undefined> {
  const objection = (kind: string): string | undefined => {
    if (protocol === undefined) return undefined;
    const other = Object.entries(families).find(([name, prefix]) => name !== protocol && kind.startsWith(prefix));
    if (other === undefined) return undefined;
    return `${kind} judges the responses of ${other[0]} routers; those of ${protocol} routers are ${families[protocol]}*`;
  };
  return pluginPosition(plugins, "classifier", { objection })
    .optional()
    .describe("Which responses are failures, and which of those may be sent again");
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
        maxRetries: Count.optional().describe(
          "Retries of one request at most; only the budget limits them when absent",
        ),
      })
      .optional()
      .describe("When a request is sent again"),
    hedge: z
      .strictObject({
        maxExtraLoad: decimal(0, 0.5, "a number from 0 to 0.5", 0.01)
          .default(0.01)
          .describe("Requests that are sent a second time, as a share of all: 0.01 hedges the slowest hundredth"),
        minHedgeDelayMs: PositiveCount.default(1).describe("Least wait before a request is sent a second time"),
        sendInterrupts: Flag.default(false).describe("Cancel whichever of the two is not needed any more"),
      })
      .optional()
      .describe("Send a request that may be sent twice to another endpoint as well when its answer is late"),
    responseClassifier: classifierPosition(plugins, undefined),
  };
}
