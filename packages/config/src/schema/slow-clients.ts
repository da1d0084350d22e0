import * as z from "zod";
import { Count, DurationMs } from "../types.ts";

/** How slow a client may be. */
export interface SlowClientsConfig {
  readonly headerTimeoutMs: number;
  readonly bodyWindowMs: number;
  readonly minBodyBytesPerSec: number;
  readonly responseWindowMs: number;
  readonly minResponseBytesPerSec: number;
}

/** `noResponseRate` says why the rate of a response cannot be bounded: it may only be 0 then, whatever a profile says. */
export function slowClientsSchema(noResponseRate?: string): z.ZodType<SlowClientsConfig> {
  const responseRate = Count.default(0).describe(
    "Bytes per second that a client must take of a response that waits for it; 0 for no limit",
  );
  return z.strictObject({
    headerTimeoutMs: DurationMs.default(10_000).describe(
      "Longest time from the first byte of a request's head to its last; 0 for no limit",
    ),
    bodyWindowMs: DurationMs.default(20_000).describe(
      "Span over which the rate of a request's body is measured, while it is awaited; 0 for no limit",
    ),
    minBodyBytesPerSec: Count.default(50).describe(
      "Bytes per second that a body must bring; at 0 only one that brings nothing at all for a whole span is refused",
    ),
    responseWindowMs: DurationMs.default(60_000).describe(
      "Span over which it is measured how fast a client takes a response, while some of it waits",
    ),
    minResponseBytesPerSec:
      noResponseRate === undefined
        ? responseRate
        : responseRate.refine((rate) => rate === 0, { message: noResponseRate }).meta({ noProfile: true }),
  });
}
