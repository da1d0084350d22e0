import * as z from "zod";
import { kindSchema } from "./kind-schema.ts";
import { plannedKind, pluginNoun } from "./planned-kinds.ts";
import type { AnyPlugin, Plugin, PluginSource, PluginTypes } from "./plugin.ts";
import { transformersSchema } from "./schema/transformers.ts";
import { unsupported } from "./schema/unsupported.ts";
import { type Choice, type Refusal, switchSchema } from "./schema-switch.ts";

/** A plugin that a config chose, and its checked keys: `chosen.plugin.make(chosen.config, params)`. */
export interface Chosen<K extends string = string> {
  readonly kind: string;
  readonly plugin: K extends keyof PluginTypes ? Plugin<K> : AnyPlugin;
  readonly config: unknown;
  readonly experimental: boolean;
}

export interface PositionOptions {
  /** The key that names the kind; `kind` unless told. */
  readonly discriminator?: string;
  /** The kind of an object that names none. */
  readonly defaultKind?: string;
  /** Why a kind that the build has may not stand here; undefined when it may. */
  readonly objection?: (kind: string) => string | undefined;
}

const transformers = (): z.ZodRawShape => ({
  transformers: unsupported("transformers", transformersSchema()).optional(),
});

/** Keys that Linkerd gives every plugin of a type, whatever its kind. */
const commonKeys: ReadonlyMap<string, () => z.ZodRawShape> = new Map([
  ["namer", transformers],
  ["interpreter", transformers],
]);

/**
 * The schema of a place where a plugin of one type may stand: `kind`, `experimental` and the plugin's own keys in one
 * object. Anything else in it is refused.
 */
export function pluginPosition<K extends string>(
  plugins: PluginSource,
  type: K,
  options: PositionOptions = {},
): z.ZodType<Chosen<K>> {
  const noun = pluginNoun(type);
  const discriminator = options.discriminator ?? "kind";
  return kindSchema<Chosen<K>>({
    noun: noun.one,
    plural: noun.many,
    discriminator,
    ...(options.defaultKind === undefined ? {} : { defaultKind: options.defaultKind }),
    common: {
      experimental: z.boolean().default(false).describe("Agree to run a plugin that is marked experimental"),
      ...commonKeys.get(type)?.(),
    },
    kinds: () => plugins.kinds(type),
    body: (kind) => {
      const plugin = plugins.plugin(type, kind);
      return plugin === undefined ? undefined : plugins.schemaOf(plugin);
    },
    absent: (kind) => plannedKind(type, kind),
    objection: (kind, raw) => {
      const objection = options.objection?.(kind);
      if (objection !== undefined) return { rule: "misplacedKind", path: [discriminator], message: objection };
      if (plugins.plugin(type, kind)?.experimental !== true || raw["experimental"] === true) return undefined;
      const message = `The ${kind} ${noun.one} is experimental and must be explicitly enabled by setting the \`experimental' parameter to \`true'.`;
      return { rule: "experimental", path: [discriminator], message };
    },
    build: (kind, common, config) => ({
      kind,
      plugin: plugins.plugin(type, kind) as Chosen<K>["plugin"],
      config,
      experimental: common["experimental"] === true,
    }),
  });
}

/** One of something or a list of it; always a list once it is read. */
export function oneOrMany<T>(schema: z.ZodType<T>): z.ZodType<readonly T[]> {
  const list = z.array(schema).min(1).meta({ expects: "a list that is not empty" });
  return switchSchema<readonly T[]>({
    expects: "an object or a list of at least one",
    choose: (raw): Choice | Refusal => ({ schemas: [Array.isArray(raw) ? list : schema] }),
    alternatives: () => [
      { name: "", schemas: [schema] },
      { name: "", schemas: [list] },
    ],
    build: (raw, [output]) => (Array.isArray(raw) ? (output as readonly T[]) : [output as T]),
  });
}
