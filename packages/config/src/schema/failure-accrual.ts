import * as z from "zod";
import { bodiesByKind, kindSchema } from "../kind-schema.ts";
import { PositiveCount, Ratio } from "../types.ts";
import { type Backoff, backoffSchema } from "./backoff.ts";

/** When an endpoint counts as dead. */
export type FailureAccrual = { readonly backoff?: Backoff | undefined } & (
  | { readonly kind: "io.l5d.consecutiveFailures"; readonly failures: number }
  | { readonly kind: "io.l5d.successRate"; readonly successRate: number; readonly requests: number }
  | { readonly kind: "io.l5d.successRateWindowed"; readonly successRate: number; readonly window: number }
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
    },
    ...bodiesByKind(bodies),
    build: (kind, common, own) => ({ kind, ...common, ...(own as object) }) as FailureAccrual,
  });
}
