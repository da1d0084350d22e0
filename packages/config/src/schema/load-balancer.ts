import * as z from "zod";
import { bodiesByKind, kindSchema } from "../kind-schema.ts";
import { Count, DurationMs, decimal, Flag, PositiveCount } from "../types.ts";
import {
  coordinate,
  percent,
  type SlowStartConfig,
  slowStart,
  type ZonePreferenceConfig,
  zonePreference,
} from "./balancer-options.ts";
import { type HashKeyConfig, hashKeys, tableSize } from "./hash-key.ts";

/** What every kind has. */
export interface BalancerCommon {
  readonly enableProbation: boolean;
  readonly panicThresholdPercent: number;
  readonly zonePreference?: ZonePreferenceConfig | undefined;
}

interface ConsistentHash {
  readonly key: readonly HashKeyConfig[];
  readonly maxEffort: number;
  readonly loadFactor?: number | undefined;
}

/** How an endpoint is picked. */
export type LoadBalancer = BalancerCommon &
  (
    | { readonly kind: "p2c"; readonly maxEffort: number; readonly slowStart?: SlowStartConfig | undefined }
    | {
        readonly kind: "ewma";
        readonly maxEffort: number;
        readonly decayTimeMs: number;
        readonly failurePenaltyMs: number;
        readonly defaultRttMs?: number | undefined;
        readonly slowStart?: SlowStartConfig | undefined;
      }
    | {
        readonly kind: "aperture";
        readonly maxEffort: number;
        readonly smoothWindowMs: number;
        readonly lowLoad: number;
        readonly highLoad: number;
        readonly minAperture: number;
        readonly coordinate?: { readonly instanceId: number; readonly totalInstances: number } | undefined;
      }
    | { readonly kind: "heap" }
    | { readonly kind: "roundRobin"; readonly maxEffort: number; readonly slowStart?: SlowStartConfig | undefined }
    | { readonly kind: "dev.weftmesh.weightedRoundRobin"; readonly slowStart?: SlowStartConfig | undefined }
    | ({ readonly kind: "dev.weftmesh.ringHash"; readonly pointsPerHost: number } & ConsistentHash)
    | ({ readonly kind: "dev.weftmesh.maglev"; readonly tableSize: number } & ConsistentHash)
  );

const maxEffort = (): z.ZodType<number> =>
  Count.default(5).describe("Picks beyond the first when the picked endpoint is not open");
const load = (value: number, what: string) =>
  decimal(0, 1_000_000, "a number from 0", value).default(value).describe(what);

const bodies = {
  p2c: () => z.strictObject({ maxEffort: maxEffort(), slowStart: slowStart() }),
  ewma: () =>
    z.strictObject({
      decayTimeMs: DurationMs.default(10_000).describe("Window of the latency average"),
      maxEffort: maxEffort(),
      failurePenaltyMs: DurationMs.default(5000).describe("The latency, at least, that a failure counts as"),
      defaultRttMs: DurationMs.optional().describe("The latency that a new endpoint is given the benefit of"),
      slowStart: slowStart(),
    }),
  aperture: () =>
    z
      .strictObject({
        smoothWindowMs: DurationMs.default(5000).describe("Window of the load average"),
        maxEffort: maxEffort(),
        lowLoad: load(0.5, "Load an endpoint below which fewer are used"),
        highLoad: load(2, "Load an endpoint above which more are used"),
        minAperture: PositiveCount.default(1).describe("Endpoints that are always used"),
        coordinate: coordinate(),
      })
      .refine(({ lowLoad, highLoad }) => lowLoad < highLoad, {
        path: ["highLoad"],
        message: "highLoad is not greater than lowLoad",
      }),
  heap: () => z.strictObject({}),
  roundRobin: () => z.strictObject({ maxEffort: maxEffort(), slowStart: slowStart() }),
  "dev.weftmesh.weightedRoundRobin": () => z.strictObject({ slowStart: slowStart() }),
  "dev.weftmesh.ringHash": () =>
    z.strictObject({
      ...hashKeys(),
      pointsPerHost: PositiveCount.default(160).describe("Points of each endpoint on the ring"),
    }),
  "dev.weftmesh.maglev": () => z.strictObject({ ...hashKeys(), tableSize: tableSize() }),
};

export function loadBalancerSchema(): z.ZodType<LoadBalancer> {
  return kindSchema<LoadBalancer>({
    noun: "load balancer",
    plural: "load balancers",
    discriminator: "kind",
    common: {
      enableProbation: Flag.default(false).describe("Keep endpoints that discovery removed while they are healthy"),
      panicThresholdPercent: percent(0).describe("Share of open endpoints below which all are asked, open or not"),
      zonePreference: zonePreference(),
    },
    ...bodiesByKind(bodies),
    build: (kind, common, own) => ({ kind, ...common, ...(own as object) }) as LoadBalancer,
  });
}
