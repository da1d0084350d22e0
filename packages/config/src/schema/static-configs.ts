import type { PathMatcher } from "@weftmesh/naming";
import * as z from "zod";
import { kindSchema } from "../kind-schema.ts";
import { PathMatcherType } from "../types.ts";

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
  const entry = z.strictObject({ prefix, ...keys });
  const bodies: ReadonlyMap<string, z.ZodType> = new Map<string, z.ZodType>([
    ["io.l5d.global", z.strictObject(keys)],
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

type Entry<T> = T & { readonly prefix: PathMatcher };

function split<T>({ prefix, ...config }: Entry<T>): StaticEntry<T> {
  return { prefix, config: config as T };
}
