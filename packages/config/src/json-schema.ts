import * as z from "zod";
import type { PluginSource } from "./plugin.ts";
import { linkerSchema } from "./schema/linker.ts";
import { type Alternative, switchOf } from "./schema-switch.ts";
import { metaOf } from "./structure.ts";

export type JsonSchema = Record<string, unknown>;

/**
 * The JSON Schema (draft 2020-12) of a config, for editors: with the plugins of a build, defaults and descriptions.
 * What plugins and switches say is under `$defs`, once each.
 */
export function configJsonSchema(plugins: PluginSource): JsonSchema {
  return jsonSchemaOf(linkerSchema(plugins), "Configuration of a Weftmesh proxy");
}

/** The same for any schema of this package's making. */
export function jsonSchemaOf(schema: z.ZodType, title?: string): JsonSchema {
  const definitions = new Definitions();
  const root = convert(schema, definitions);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...(title === undefined ? {} : { title }),
    ...root,
    ...(definitions.size === 0 ? {} : { $defs: definitions.json }),
  };
}

/** What our `meta` says that JSON Schema has no word for. */
const ours: readonly string[] = ["expects", "secret", "text"];

/** The named parts of a JSON Schema, once each. */
class Definitions {
  readonly json: JsonSchema = {};
  readonly #schemas = new Map<string, z.ZodType | undefined>();

  get size(): number {
    return this.#schemas.size;
  }

  /** Two protocols may each have a client of the same kind: a name that is taken by another schema gets a number. */
  idOf({ name, schemas }: Alternative): string {
    const base = name.replace(/[^\w.-]+/g, "-");
    const own = schemas.at(-1);
    for (let copy = 1; ; copy++) {
      const id = copy === 1 ? base : `${base}.${copy}`;
      if (this.#schemas.has(id) && this.#schemas.get(id) !== own) continue;
      if (!this.#schemas.has(id)) {
        this.#schemas.set(id, own);
        this.json[id] = together(schemas.map((each) => convert(each, this)));
      }
      return id;
    }
  }
}

function convert(schema: z.core.$ZodType, definitions: Definitions): JsonSchema {
  const { $schema: _version, ...json } = z.toJSONSchema(schema as z.ZodType, {
    target: "draft-2020-12",
    io: "input",
    unrepresentable: "any",
    reused: "inline",
    override: ({ zodSchema, jsonSchema }) => {
      const json = jsonSchema as JsonSchema;
      if (json["secret"] === true) json["writeOnly"] = true;
      for (const key of ours) delete json[key];
      // zod leaves these out of what is transformed, where ours speak of the text that is written.
      const { examples, ...meta } = metaOf(zodSchema as z.core.$ZodType);
      if (examples !== undefined) json["examples"] = examples;
      if ("default" in meta) json["default"] = meta.default;
      if (json["default"] === undefined) delete json["default"];
      const chooser = switchOf(zodSchema as z.core.$ZodType);
      if (chooser !== undefined) json["anyOf"] = chooser.alternatives().map((each) => formOf(each, definitions));
    },
  }) as JsonSchema;
  const { "~standard": _standard, ...plain } = json;
  return plain;
}

function formOf(alternative: Alternative, definitions: Definitions): JsonSchema {
  if (alternative.name !== "") return { $ref: `#/$defs/${definitions.idOf(alternative)}` };
  return together(alternative.schemas.map((each) => convert(each, definitions)));
}

/** Objects that share their keys, as one. */
function together(parts: readonly JsonSchema[]): JsonSchema {
  const [first] = parts;
  if (first === undefined || parts.length === 1) return first ?? {};
  const required = parts.flatMap((part) => (part["required"] as readonly string[] | undefined) ?? []);
  const open = parts.find((part) => part["additionalProperties"] !== false);
  return {
    type: "object",
    properties: Object.assign({}, ...parts.map((part) => part["properties"] ?? {})),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: open === undefined ? false : (open["additionalProperties"] ?? true),
  };
}
