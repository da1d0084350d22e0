import { AdaptiveConcurrencyParam, AdaptiveConcurrencyRole, adaptiveConcurrency } from "@weftmesh/admission";
import { DurationMs, decimal, definePlugin, type Plugin, PositiveCount } from "@weftmesh/config";
import { Params, withParams } from "@weftmesh/core";
import * as z from "zod";

/** What a config may say of it. */
export interface AdaptiveConcurrencyConfig {
  readonly minLimit: number;
  readonly maxLimit: number;
  readonly initialLimit: number;
  readonly updateIntervalMs: number;
  readonly minRttIntervalMs: number;
  readonly minRttRequests: number;
  readonly buffer: number;
}

const schema = (): z.ZodType<AdaptiveConcurrencyConfig> =>
  z
    .strictObject({
      minLimit: PositiveCount.default(3).describe("Lowest limit"),
      maxLimit: PositiveCount.default(1000).describe("Highest limit"),
      initialLimit: PositiveCount.default(20).describe("Limit as long as no latency is known"),
      updateIntervalMs: DurationMs.default(100).describe("Time between two changes of the limit"),
      minRttIntervalMs: DurationMs.default(60_000).describe("Time between two measurements of the least latency"),
      minRttRequests: PositiveCount.default(50).describe("Requests that make such a measurement"),
      buffer: decimal(0, 10, "a number from 0 to 10", 0.25)
        .default(0.25)
        .describe("Share by which latency may exceed the least before it counts as queueing"),
    })
    .refine(({ minLimit, maxLimit }) => minLimit <= maxLimit, {
      path: ["minLimit"],
      message: "minLimit is greater than maxLimit",
    });

/** Finds how many requests may be under way at once: `kind: dev.weftmesh.adaptiveConcurrency`. */
export const adaptiveConcurrencyModule: Plugin<"module", AdaptiveConcurrencyConfig> = definePlugin({
  type: "module",
  kind: "dev.weftmesh.adaptiveConcurrency",
  schema,
  make: (options) => ({
    role: AdaptiveConcurrencyRole,
    stackable: () => withParams(adaptiveConcurrency(), Params.empty.with(AdaptiveConcurrencyParam, options)),
  }),
});
