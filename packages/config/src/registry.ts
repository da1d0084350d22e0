import { WeftError } from "@weftmesh/core";
import * as z from "zod";
import { pluginNoun } from "./planned-kinds.ts";
import type { AnyPlugin, Plugin, PluginSource, PluginTypes } from "./plugin.ts";
import { settle } from "./structure.ts";

/** Two plugins of one type claim the same kind. */
export class ConflictingSubtypesError extends WeftError {
  readonly type: string;
  readonly kind: string;

  constructor(type: string, kind: string) {
    super("WEFT_CONFIG_CONFLICTING_SUBTYPES", `two ${pluginNoun(type).many} have the kind ${kind}`);
    this.type = type;
    this.kind = kind;
  }
}

/** A plugin whose declaration cannot work, whatever the config says. */
export class PluginDeclarationError extends WeftError {
  constructor(plugin: AnyPlugin, problem: string) {
    super("WEFT_CONFIG_PLUGIN", `the ${pluginNoun(plugin.type).one} plugin ${plugin.kind}: ${problem}`);
  }
}

/** The plugins of a build by type and kind. */
export class Registry implements PluginSource {
  static readonly empty: Registry = new Registry([]);
  readonly #types = new Map<string, Map<string, AnyPlugin>>();
  readonly #schemas = new Map<AnyPlugin, z.ZodType>();
  readonly plugins: readonly AnyPlugin[];

  /** Errors: `WEFT_CONFIG_CONFLICTING_SUBTYPES` for two plugins of the same type and kind. */
  static of(plugins: Iterable<AnyPlugin>): Registry {
    return new Registry([...plugins]);
  }

  private constructor(plugins: readonly AnyPlugin[]) {
    this.plugins = plugins;
    for (const plugin of plugins) {
      const kinds = this.#types.get(plugin.type) ?? new Map<string, AnyPlugin>();
      if (kinds.has(plugin.kind)) throw new ConflictingSubtypesError(plugin.type, plugin.kind);
      this.#types.set(plugin.type, kinds.set(plugin.kind, plugin));
    }
  }

  /** These and those. */
  with(plugins: Iterable<AnyPlugin>): Registry {
    return Registry.of([...this.plugins, ...plugins]);
  }

  get<K extends keyof PluginTypes>(type: K, kind: string): Plugin<K> | undefined {
    return this.plugin(type, kind);
  }

  plugin(type: string, kind: string): AnyPlugin | undefined {
    return this.#types.get(type)?.get(kind);
  }

  kinds(type: string): readonly string[] {
    return [...(this.#types.get(type)?.keys() ?? [])];
  }

  /** Errors: `WEFT_CONFIG_PLUGIN` when the schema is no object, or has a key that belongs to the place. */
  schemaOf(plugin: AnyPlugin): z.ZodType {
    const known = this.#schemas.get(plugin);
    if (known !== undefined) return known;
    const made = typeof plugin.schema === "function" ? plugin.schema(this) : plugin.schema;
    const schema = strict(plugin, made);
    this.#schemas.set(plugin, schema);
    return schema;
  }
}

/** Unknown keys are refused in every plugin, also where its author forgot to ask for it. */
function strict(plugin: AnyPlugin, schema: z.ZodType): z.ZodType {
  const { structure } = settle(schema, {});
  if (structure.kind !== "object") throw new PluginDeclarationError(plugin, "its schema must be a zod object");
  for (const key of ["kind", "experimental"]) {
    if (structure.keys.has(key)) throw new PluginDeclarationError(plugin, `its schema must not have the key ${key}`);
  }
  return schema instanceof z.ZodObject && schema.def.catchall === undefined ? schema.strict() : schema;
}
