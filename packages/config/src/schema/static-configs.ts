import type { PathMatcher } from "@weftmesh/naming";
import * as z from "zod";
import { kindSchema } from "../kind-schema.ts";
import { PathMatcherType } from "../types.ts";
import { type ClientTls, unknownCaptures } from "./tls.ts";

/** Keys for the names that a prefix matches. Without a prefix: for all. */
export interface StaticEntry<T> {
  readonly prefix: PathMatcher | undefined;
  readonly config: T;
}

/** What `client:` and `service:` say: one entry for `io.l5d.global`, the list for `io.l5d.static`. */
export interface StaticConfigs<T> {
  readonly kind: "io.l5d.global" | "io.l5d.static";
  readonly configs: readonly StaticEntry<T>[];
}

/** The two shapes of `client` and `service`: keys inline for all names, or a list of prefixes with keys. */
export function staticConfigsSchema<T>(noun: string, keys: z.ZodRawShape): z.ZodType<StaticConfigs<T>> {
  const prefix = PathMatcherType.describe("Names that the keys are for");
  const entry = z.strictObject({ prefix, ...keys }).superRefine((value, ctx) => checkCommonName(value, ctx));
  const bodies: ReadonlyMap<string, z.ZodType> = new Map<string, z.ZodType>([
    ["io.l5d.global", z.strictObject(keys).superRefine((value, ctx) => checkCommonName(value, ctx))],
    [
      "io.l5d.static",
      z.strictObject({
        configs: z.array(entry).meta({
          description: "Keys by prefix; of several that match, the later ones count key by key",
          expects: "a list of objects with a prefix",
        }),
      }),
    ],
  ]);
  return kindSchema<StaticConfigs<T>>({
    noun,
    plural: `kinds of ${noun}`,
    discriminator: "kind",
    defaultKind: "io.l5d.global",
    kinds: () => [...bodies.keys()],
    body: (kind) => bodies.get(kind),
    build: (kind, _common, own) =>
      kind === "io.l5d.static"
        ? { kind, configs: (own as { configs: readonly Entry<T>[] }).configs.map(split) }
        : { kind: "io.l5d.global", configs: [{ prefix: undefined, config: own as T }] },
  });
}

/** What `tls.commonName` is put together of must be there. */
function checkCommonName(value: object, ctx: z.RefinementCtx): void {
  const { prefix, tls } = value as { readonly prefix?: PathMatcher; readonly tls?: Partial<ClientTls> };
  const { commonName } = tls ?? {};
  if (commonName === undefined || tls?.enabled === false) return;
  const [unknown] = unknownCaptures(commonName, prefix);
  if (unknown === undefined) return;
  const where =
    prefix === undefined ? "there is no prefix here to capture it" : `the prefix ${prefix.text} captures none`;
  const message = `commonName has {${unknown}}, and ${where}`;
  ctx.issues.push({ code: "custom", input: commonName, path: ["tls", "commonName"], message });
}

type Entry<T> = T & { readonly prefix: PathMatcher };

function split<T>({ prefix, ...config }: Entry<T>): StaticEntry<T> {
  return { prefix, config: config as T };
}
