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

export function slowClientsSchema(): z.ZodType<SlowClientsConfig> {
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
    minResponseBytesPerSec: Count.default(0).describe(
      "Bytes per second that a client must take of a response that waits for it; 0 for no limit",
    ),
  });
}
