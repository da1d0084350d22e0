import * as z from "zod";
import { bodiesByKind, kindSchema } from "../kind-schema.ts";
import { Count, integer, PositiveCount, Ratio } from "../types.ts";
import { type Backoff, backoffSchema } from "./backoff.ts";
import { percent } from "./balancer-options.ts";

/** When an endpoint counts as dead. */
export type FailureAccrual = { readonly backoff?: Backoff | undefined; readonly maxEjectionPercent: number } & (
  | { readonly kind: "io.l5d.consecutiveFailures"; readonly failures: number }
  | { readonly kind: "io.l5d.successRate"; readonly successRate: number; readonly requests: number }
  | { readonly kind: "io.l5d.successRateWindowed"; readonly successRate: number; readonly window: number }
  | {
      readonly kind: "dev.weftmesh.unified";
      readonly maxConsecutiveFailures: number;
      readonly successRate: number;
      readonly windowMs: number;
      readonly minRequests: number;
    }
  | { readonly kind: "none" }
);

const successRate = (): z.ZodType<number> => Ratio.describe("Share of successes below which an endpoint is dead");

const bodies = {
  "io.l5d.consecutiveFailures": () =>
    z.strictObject({ failures: PositiveCount.describe("Failures in a row after which an endpoint is dead") }),
  "io.l5d.successRate": () =>
    z.strictObject({
      successRate: successRate(),
      requests: PositiveCount.describe("Requests over which the rate is taken"),
    }),
  "io.l5d.successRateWindowed": () =>
    z.strictObject({
      successRate: successRate(),
      window: PositiveCount.describe("Seconds over which the rate is taken"),
    }),
  "dev.weftmesh.unified": () =>
    z.strictObject({
      maxConsecutiveFailures: Count.default(7).describe("Failures in a row after which an endpoint is dead; 0 for any"),
      successRate: Ratio.default(0.8).describe("Share of successes below which an endpoint is dead"),
      windowMs: integer(10, 3_600_000, "milliseconds: an integer from 10 to 3600000", 10_000)
        .default(10_000)
        .describe("Time over which the share is taken"),
      minRequests: PositiveCount.default(5).describe("Requests in that time below which the share says nothing"),
    }),
  none: () => z.strictObject({}),
};

export function failureAccrualSchema(): z.ZodType<FailureAccrual> {
  return kindSchema<FailureAccrual>({
    noun: "failure accrual",
    plural: "failure accruals",
    discriminator: "kind",
    common: {
      backoff: backoffSchema()
        .optional()
        .describe("Wait before a dead endpoint is tried again; 5 s to 300 s when absent"),
      maxEjectionPercent: percent(100).describe("Share of the endpoints that may be dead at once"),
    },
    ...bodiesByKind(bodies),
    build: (kind, common, own) => ({ kind, ...common, ...(own as object) }) as FailureAccrual,
  });
}
