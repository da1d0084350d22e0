import * as z from "zod";
import { DurationMs, decimal, integer, PositiveCount, Ratio, TextType } from "../types.ts";

/** How a new endpoint comes to its share. */
export interface SlowStartConfig {
  readonly windowMs: number;
  readonly aggression: number;
  readonly minShare: number;
}

/** Which endpoints are near, and when the others are asked as well. */
export interface ZonePreferenceConfig {
  readonly zone: string;
  readonly metadataKey: string;
  readonly healthyPercent: number;
  readonly callerShare?: number | undefined;
  readonly minEndpoints: number;
}

/** Which of how many peers this process is. */
export interface CoordinateConfig {
  readonly instanceId: number;
  readonly totalInstances: number;
}

export const percent = (value: number): z.ZodType<number> =>
  decimal(0, 100, "a percentage from 0 to 100", value).default(value);

export const slowStart = (): z.ZodType<SlowStartConfig | undefined> =>
  z
    .strictObject({
      windowMs: DurationMs.describe("How long a new endpoint takes to its full share"),
      aggression: decimal(0.01, 100, "a number from 0.01 to 100", 1)
        .default(1)
        .describe("How soon the share grows: 1 in a straight line, above 1 sooner"),
      minShare: Ratio.default(0.1).describe("The share that a new endpoint has at once"),
    })
    .optional()
    .describe("Give new endpoints their share little by little");

export const zonePreference = (): z.ZodType<ZonePreferenceConfig | undefined> =>
  z
    .strictObject({
      zone: TextType.describe("The zone that this process is in"),
      metadataKey: TextType.default("zone").describe("Key of the endpoints' metadata that holds theirs"),
      healthyPercent: percent(70).describe(
        "Share of its endpoints that must be well for a zone to serve all of its calls",
      ),
      callerShare: Ratio.optional().describe(
        "Share of all callers that are in this zone; that of the endpoints when absent",
      ),
      minEndpoints: PositiveCount.default(1).describe("Endpoints below which the zone does not matter"),
    })
    .optional()
    .describe("Prefer endpoints of the same zone");

export const coordinate = (): z.ZodType<CoordinateConfig | undefined> =>
  z
    .strictObject({
      instanceId: integer(0, 1_000_000, "an integer from 0", 0).describe("Which of its peers this process is, from 0"),
      totalInstances: PositiveCount.describe("How many peers there are"),
    })
    .refine(({ instanceId, totalInstances }) => instanceId < totalInstances, {
      path: ["instanceId"],
      message: "instanceId is not less than totalInstances",
    })
    .optional()
    .describe("Share the endpoints out evenly among this process and its peers");
