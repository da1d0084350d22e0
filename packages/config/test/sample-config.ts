import type { z } from "zod";
import { type Alternative, switchOf } from "../src/schema-switch.ts";
import { defOf, metaOf, settle } from "../src/structure.ts";

/** A value that a schema takes, and what to vary in it: found by walking the schema, whatever it holds. */
export interface SampleValue {
  readonly value: unknown;
  readonly keys: readonly SampleKey[];
}

/** One key of an object, by its path from the root of the sample. */
export interface SampleKey {
  readonly path: readonly (string | number)[];
  /** The same key of the same schema, wherever it stands: what coverage counts. */
  readonly identity: string;
  readonly schema: z.core.$ZodType;
}

/** Values that together hold every key of the schema, with every kind at every place where kinds differ. */
export function samplesOf(schema: z.core.$ZodType, identity = "config"): readonly SampleValue[] {
  const inner = peeled(schema);
  const chooser = switchOf(inner);
  if (chooser !== undefined) return chooser.alternatives().flatMap((each) => alternativeSamples(each, identity));
  const { structure } = settle(inner, undefined);
  if (structure.kind === "object") {
    const rest = structure.rest === undefined ? [] : ([["name", structure.rest]] as const);
    return objectSamples([...structure.keys, ...rest], identity);
  }
  if (structure.kind === "list") {
    return samplesOf(structure.element, `${identity}[]`).map(({ value, keys }) => ({
      value: [value],
      keys: keys.map((key) => ({ ...key, path: [0, ...key.path] })),
    }));
  }
  return [{ value: scalarSample(schema), keys: [] }];
}

function alternativeSamples({ name, schemas }: Alternative, identity: string): readonly SampleValue[] {
  const own = name === "" ? identity : `${identity}<${name}>`;
  const keys: (readonly [string, z.core.$ZodType])[] = [];
  for (const schema of schemas) {
    const { structure } = settle(schema, undefined);
    if (structure.kind !== "object") return samplesOf(schema, own);
    keys.push(...structure.keys);
    if (structure.rest !== undefined) keys.push(["name", structure.rest]);
  }
  return objectSamples(keys, own);
}

/** All keys at once; where a key has several samples, one object for each. */
function objectSamples(
  keys: readonly (readonly [string, z.core.$ZodType])[],
  identity: string,
): readonly SampleValue[] {
  const choices = keys.map(([name, schema]) => ({ name, schema, samples: samplesOf(schema, `${identity}.${name}`) }));
  const rounds = Math.max(1, ...choices.map(({ samples }) => samples.length));
  return Array.from({ length: rounds }, (_, round) => {
    const value: Record<string, unknown> = {};
    const found: SampleKey[] = [];
    for (const { name, schema, samples } of choices) {
      const sample = samples[Math.min(round, samples.length - 1)];
      if (sample === undefined) continue;
      value[name] = sample.value;
      found.push({ path: [name], identity: `${identity}.${name}`, schema });
      found.push(...sample.keys.map((key) => ({ ...key, path: [name, ...key.path] })));
    }
    return { value, keys: found };
  });
}

function peeled(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  for (;;) {
    const def = defOf(inner);
    const pipe = def.type === "pipe" && switchOf(inner) === undefined;
    const next = pipe ? (def.in !== undefined && defOf(def.in).type === "transform" ? def.out : def.in) : def.innerType;
    if (next === undefined || (def.type === "pipe" && !pipe)) return inner;
    inner = next;
  }
}

function scalarSample(schema: z.core.$ZodType): unknown {
  for (let each: z.core.$ZodType | undefined = schema; each !== undefined; each = below(each)) {
    const [example] = metaOf(each).examples ?? [];
    if (example !== undefined) return example;
  }
  const def = defOf(peeled(schema)) as unknown as { type: string; entries?: object; values?: unknown[] };
  if (def.type === "enum") return Object.values(def.entries ?? {})[0];
  if (def.type === "literal") return def.values?.[0];
  if (def.type === "boolean") return true;
  return def.type === "number" ? 5 : "text";
}

function below(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  const def = defOf(schema);
  return def.type === "pipe" ? def.in : def.innerType;
}
