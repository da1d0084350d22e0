import type * as z from "zod";
import type { IssueParams } from "../schema-switch.ts";

/** True for a value that asks for nothing, because it is what happens anyway. */
type Harmless = (value: unknown) => boolean;

const empty: Harmless = (value) => Array.isArray(value) && value.length === 0;

/**
 * The keys of Linkerd 1 that are read and checked in full and then refused, because this build does not do what they
 * ask for. Whoever builds one deletes its line.
 */
const notYet: ReadonlyMap<string, Harmless> = new Map([
  ["server.announce", empty],
  ["router.announcers", empty],
  ["transformers", empty],
]);

/** What `unsupported` refuses now. */
export const unsupportedFeatures: readonly string[] = [...notYet.keys()];

/** The schema itself, or, while the feature stands in the table above, one that also refuses what it accepts. */
export function unsupported<T>(what: string, schema: z.ZodType<T>): z.ZodType<T> {
  const harmless = notYet.get(what);
  if (harmless === undefined) return schema;
  const params: IssueParams = { rule: "unsupported" };
  return schema.superRefine((value, ctx) => {
    if (harmless(value)) return;
    const said = (value as { readonly kind?: unknown } | null)?.kind;
    const shown = typeof said === "string" ? `${what} of the kind ${said}` : what;
    ctx.issues.push({ code: "custom", input: value, message: `${shown} is not supported by this build yet`, params });
  });
}
