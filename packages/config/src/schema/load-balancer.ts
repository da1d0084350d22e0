import * as z from "zod";
import { bodiesByKind, kindSchema } from "../kind-schema.ts";
import { Count, DurationMs, decimal, Flag, PositiveCount } from "../types.ts";

/** How an endpoint is picked. */
export type LoadBalancer = { readonly enableProbation: boolean } & (
  | { readonly kind: "p2c"; readonly maxEffort: number }
  | { readonly kind: "ewma"; readonly maxEffort: number; readonly decayTimeMs: number }
  | {
      readonly kind: "aperture";
      readonly maxEffort: number;
      readonly smoothWindowMs: number;
      readonly lowLoad: number;
      readonly highLoad: number;
      readonly minAperture: number;
    }
  | { readonly kind: "heap" }
  | { readonly kind: "roundRobin"; readonly maxEffort: number }
);

const maxEffort = (): z.ZodType<number> =>
  Count.default(5).describe("Picks beyond the first when the picked endpoint is not open");
const load = (value: number, what: string) =>
  decimal(0, 1_000_000, "a number from 0", value).default(value).describe(what);

const bodies = {
  p2c: () => z.strictObject({ maxEffort: maxEffort() }),
  ewma: () =>
    z.strictObject({
      decayTimeMs: DurationMs.default(10_000).describe("Window of the latency average"),
      maxEffort: maxEffort(),
    }),
  aperture: () =>
    z
      .strictObject({
        smoothWindowMs: DurationMs.default(5000).describe("Window of the load average"),
        maxEffort: maxEffort(),
        lowLoad: load(0.5, "Load an endpoint below which fewer are used"),
        highLoad: load(2, "Load an endpoint above which more are used"),
        minAperture: PositiveCount.default(1).describe("Endpoints that are always used"),
      })
      .refine(({ lowLoad, highLoad }) => lowLoad < highLoad, {
        path: ["highLoad"],
        message: "highLoad is not greater than lowLoad",
      }),
  heap: () => z.strictObject({}),
  roundRobin: () => z.strictObject({ maxEffort: maxEffort() }),
};

export function loadBalancerSchema(): z.ZodType<LoadBalancer> {
  return kindSchema<LoadBalancer>({
    noun: "load balancer",
    plural: "load balancers",
    discriminator: "kind",
    common: {
      enableProbation: Flag.default(false).describe("Keep endpoints that discovery removed while they are healthy"),
    },
    ...bodiesByKind(bodies),
    build: (kind, common, own) => ({ kind, ...common, ...(own as object) }) as LoadBalancer,
  });
}
