import * as z from "zod";
import { bodiesByKind, kindSchema } from "../kind-schema.ts";
import { DurationMs } from "../types.ts";

/** How long to wait before the next attempt. */
export type Backoff =
  | { readonly kind: "constant"; readonly ms: number }
  | { readonly kind: "jittered"; readonly minMs: number; readonly maxMs: number };

const bodies = {
  constant: () => z.strictObject({ ms: DurationMs.default(0).describe("The same wait each time") }),
  jittered: () =>
    z
      .strictObject({
        minMs: DurationMs.describe("Shortest wait"),
        maxMs: DurationMs.describe("Longest wait"),
      })
      .refine(({ minMs, maxMs }) => minMs <= maxMs, { path: ["maxMs"], message: "maxMs is less than minMs" }),
};

export function backoffSchema(): z.ZodType<Backoff> {
  return kindSchema<Backoff>({
    noun: "backoff",
    plural: "backoffs",
    discriminator: "kind",
    ...bodiesByKind(bodies),
    build: (kind, _common, own) => ({ kind, ...(own as object) }) as Backoff,
  });
}
