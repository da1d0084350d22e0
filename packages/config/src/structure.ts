import * as z from "zod";
import { isChoice, type Refusal, switchOf } from "./schema-switch.ts";

/** What a value may have inside, as far as its schema tells. */
export type Structure =
  /** `rest` is the schema of keys that are not listed; without it they are refused. */
  | { readonly kind: "object"; readonly keys: ReadonlyMap<string, z.core.$ZodType>; readonly rest?: z.core.$ZodType }
  | { readonly kind: "list"; readonly element: z.core.$ZodType }
  | { readonly kind: "value" }
  /** No schema was found for the value, or the walker cannot see into it. */
  | { readonly kind: "opaque"; readonly refusal?: Refusal };

/** A schema without its wrappers, for one value. */
export interface Settled {
  readonly structure: Structure;
  /** The schema below the wrappers; the last when a switch chose several. */
  readonly inner: z.core.$ZodType;
  readonly optional: boolean;
  /** What the key has when it is not given; `undefined` when it then has nothing. */
  readonly default: { readonly value: unknown } | undefined;
  readonly description: string | undefined;
  /** What a message says was expected. */
  readonly expects: string | undefined;
  readonly secret: boolean;
  /** Text that may be written as a bare number. */
  readonly text: boolean;
}

/** What we put into zod's `meta` of a schema. */
export interface SchemaMeta {
  readonly description?: string;
  readonly expects?: string;
  readonly secret?: boolean;
  readonly text?: boolean;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

export function metaOf(schema: z.core.$ZodType): SchemaMeta {
  return (z.globalRegistry.get(schema) as SchemaMeta | undefined) ?? {};
}

interface Def {
  readonly type: string;
  readonly innerType?: z.core.$ZodType;
  readonly defaultValue?: unknown;
  readonly in?: z.core.$ZodType;
  readonly out?: z.core.$ZodType;
  readonly getter?: () => z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly catchall?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly left?: z.core.$ZodType;
  readonly right?: z.core.$ZodType;
}

export function defOf(schema: z.core.$ZodType): Def {
  return schema._zod.def as unknown as Def;
}

/** Whether anything in a schema is marked as a secret, whatever the value. */
export function holdsSecret(schema: z.core.$ZodType, seen: Set<z.core.$ZodType> = new Set()): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  if (metaOf(schema).secret === true) return true;
  const { innerType, in: from, out, getter, shape, catchall, element, valueType, options, left, right } = defOf(schema);
  const below = [innerType, from, out, getter?.(), catchall, element, valueType, left, right, ...(options ?? [])];
  const chosen = switchOf(schema)?.alternatives() ?? [];
  return [...below, ...Object.values(shape ?? {}), ...chosen.flatMap((each) => each.schemas)].some(
    (each) => each !== undefined && holdsSecret(each, seen),
  );
}

/** Takes the wrappers off a schema, follows its switches for this value, and collects what they say on the way. */
export function settle(schema: z.core.$ZodType, raw: unknown): Settled {
  let inner = schema;
  let optional = false;
  let fallback: { readonly value: unknown } | undefined;
  let meta: SchemaMeta = {};
  for (;;) {
    meta = { ...metaOf(inner), ...meta };
    const def = defOf(inner);
    if (def.type === "default" || def.type === "prefault") {
      fallback ??= { value: def.defaultValue };
      optional = true;
    } else if (def.type === "optional") optional = true;
    const next = below(inner, def, raw);
    if (next === undefined) break;
    inner = next;
  }
  if (fallback === undefined && "default" in meta) fallback = { value: meta.default };
  return {
    structure: structureOf(inner, raw ?? fallback?.value),
    inner,
    optional,
    default: fallback,
    description: meta.description,
    expects: meta.expects,
    secret: meta.secret === true,
    text: meta.text === true,
  };
}

const wrappers: ReadonlySet<string> = new Set([
  "optional",
  "nullable",
  "default",
  "prefault",
  "readonly",
  "nonoptional",
  "catch",
  "success",
]);

function below(schema: z.core.$ZodType, def: Def, raw: unknown): z.core.$ZodType | undefined {
  if (wrappers.has(def.type)) return def.innerType;
  if (def.type === "lazy") return def.getter?.();
  if (def.type === "pipe") {
    if (switchOf(schema) !== undefined) return undefined;
    return def.in !== undefined && defOf(def.in).type === "transform" ? def.out : def.in;
  }
  return def.type === "union" ? fitting(def.options ?? [], raw) : undefined;
}

/** The member of a union that takes the value, or else the only one of its shape. */
function fitting(options: readonly z.core.$ZodType[], raw: unknown): z.core.$ZodType | undefined {
  const taking = options.find((option) => z.safeParse(option, raw).success);
  if (taking !== undefined) return taking;
  const alike = options.filter((option) => settle(option, raw).structure.kind === shapeOf(raw));
  return alike.length === 1 ? alike[0] : undefined;
}

function shapeOf(raw: unknown): Structure["kind"] {
  if (Array.isArray(raw)) return "list";
  return typeof raw === "object" && raw !== null ? "object" : "value";
}

function structureOf(schema: z.core.$ZodType, raw: unknown): Structure {
  const def = defOf(schema);
  const chooser = switchOf(schema);
  if (chooser !== undefined) {
    const chosen = chooser.choose(raw);
    if (!isChoice(chosen)) return { kind: "opaque", refusal: chosen };
    return merged(chosen.schemas.map((each) => settle(each, raw).structure));
  }
  switch (def.type) {
    case "object": {
      const keys = new Map(Object.entries(def.shape ?? {}));
      const rest = def.catchall === undefined || defOf(def.catchall).type === "never" ? undefined : def.catchall;
      return rest === undefined ? { kind: "object", keys } : { kind: "object", keys, rest };
    }
    case "record":
      return def.valueType === undefined
        ? { kind: "opaque" }
        : { kind: "object", keys: new Map(), rest: def.valueType };
    case "array":
      return def.element === undefined ? { kind: "opaque" } : { kind: "list", element: def.element };
    case "intersection":
      return def.left === undefined || def.right === undefined
        ? { kind: "opaque" }
        : merged([settle(def.left, raw).structure, settle(def.right, raw).structure]);
    case "union":
    case "unknown":
    case "any":
    case "custom":
    case "tuple":
    case "map":
      return { kind: "opaque" };
    default:
      return { kind: "value" };
  }
}

function merged(parts: readonly Structure[]): Structure {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const keys = new Map<string, z.core.$ZodType>();
  let rest: z.core.$ZodType | undefined;
  for (const part of parts) {
    if (part.kind !== "object") return { kind: "opaque" };
    for (const [key, schema] of part.keys) keys.set(key, schema);
    rest ??= part.rest;
  }
  return rest === undefined ? { kind: "object", keys } : { kind: "object", keys, rest };
}
