import { asError } from "@weftmesh/core";
import * as z from "zod";
import type { ConfigRule } from "./config-error.ts";
import type { KeyPath } from "./source.ts";

/** Why no schema was chosen, or why the one that was chosen may not be used. */
export interface Refusal {
  readonly rule: ConfigRule;
  /** Below the value that is switched on. */
  readonly path: KeyPath;
  /** Without one, what was expected says it all. */
  readonly message?: string;
  readonly expected?: string;
  readonly nearest?: string;
}

/** The schemas for one value. Several are objects that share the value's keys: the last one gets what is left. */
export interface Choice {
  readonly schemas: readonly z.ZodType[];
  /** Found beside the choice; the value is checked all the same. */
  readonly refusal?: Refusal | undefined;
}

/** One of the forms that a value may have, for documentation and JSON Schema. */
export interface Alternative {
  /** Unique in the process: the name of its JSON Schema definition. */
  readonly name: string;
  readonly schemas: readonly z.ZodType[];
}

/** Decides by the value itself which schema it has to follow. */
export interface SchemaSwitch<Out> {
  readonly expects: string;
  choose(raw: unknown): Choice | Refusal;
  alternatives(): readonly Alternative[];
  /** From the outputs of the chosen schemas, in their order. */
  build(raw: unknown, outputs: readonly unknown[]): Out;
}

/** What an issue of ours carries beside what zod knows. */
export interface IssueParams {
  readonly rule?: ConfigRule;
  readonly expected?: string;
  readonly nearest?: string;
  /** The issue has no message of its own. */
  readonly wordless?: boolean;
  /** Character of a text value at which it is wrong. */
  readonly at?: number;
}

const switches = new WeakMap<object, SchemaSwitch<unknown>>();

/** A schema that follows a switch. Walkers find the switch again with `switchOf`. */
export function switchSchema<Out>(each: SchemaSwitch<Out>): z.ZodType<Out> {
  const transform = (raw: unknown, ctx: z.RefinementCtx): Out => {
    const chosen = each.choose(raw);
    if (!isChoice(chosen)) {
      refuse(ctx, raw, chosen);
      return z.NEVER;
    }
    if (chosen.refusal !== undefined) refuse(ctx, raw, chosen.refusal);
    const outputs: unknown[] = [];
    const shares = shareOut(raw, chosen.schemas);
    for (const [index, schema] of chosen.schemas.entries()) {
      const parsed = parse(schema, shares[index]);
      if ("rule" in parsed) refuse(ctx, raw, parsed);
      else if (parsed.success) outputs.push(parsed.data);
      else for (const issue of parsed.error.issues) pass(ctx, issue);
    }
    return ctx.issues.length > 0 ? z.NEVER : each.build(raw, outputs);
  };
  switches.set(transform, each);
  return z.unknown().transform(transform).meta({ expects: each.expects });
}

/** The switch behind a schema that `switchSchema` made, whatever `describe` or `meta` was put on it since. */
export function switchOf(schema: z.core.$ZodType): SchemaSwitch<unknown> | undefined {
  const def = schema._zod.def as { type: string; out?: z.core.$ZodType };
  if (def.type !== "pipe" || def.out === undefined) return undefined;
  const out = def.out._zod.def as { type: string; transform?: object };
  return out.type === "transform" && out.transform !== undefined ? switches.get(out.transform) : undefined;
}

export function isChoice(chosen: Choice | Refusal): chosen is Choice {
  return "schemas" in chosen;
}

/** Hands an issue on. Zod pipes on past unknown keys, though here there is then no value: so they change their code. */
function pass(ctx: z.RefinementCtx, issue: z.core.$ZodIssue): void {
  if (issue.code !== "unrecognized_keys") {
    ctx.issues.push(issue as z.core.$ZodRawIssue);
    return;
  }
  for (const key of issue.keys) {
    refuse(ctx, undefined, { rule: "unknownKey", path: [...(issue.path as KeyPath), key], message: "unknown key" });
  }
}

/** A schema may run code of a plugin's author, which may throw. */
function parse(schema: z.ZodType, raw: unknown): z.ZodSafeParseResult<unknown> | Refusal {
  try {
    return schema.safeParse(raw);
  } catch (thrown) {
    return { rule: "invalidValue", path: [], message: `the schema could not check this: ${asError(thrown).message}` };
  }
}

/** The part of an object that each of several schemas sees. */
function shareOut(raw: unknown, schemas: readonly z.ZodType[]): readonly unknown[] {
  if (schemas.length === 1) return [raw];
  const rest = { ...(raw as Record<string, unknown>) };
  const shares: Record<string, unknown>[] = [];
  for (const schema of schemas.slice(0, -1)) {
    const share: Record<string, unknown> = {};
    for (const key of Object.keys((schema as z.ZodObject).shape)) {
      if (!Object.hasOwn(rest, key)) continue;
      share[key] = rest[key];
      delete rest[key];
    }
    shares.push(share);
  }
  return [...shares, rest];
}

function refuse(ctx: z.RefinementCtx, input: unknown, refusal: Refusal): void {
  const { rule, path, message, expected, nearest } = refusal;
  const params: IssueParams = {
    rule,
    ...(expected === undefined ? {} : { expected }),
    ...(nearest === undefined ? {} : { nearest }),
    ...(message === undefined ? { wordless: true } : {}),
  };
  ctx.issues.push({ code: "custom", input, path: [...path], message: message ?? "", params: { ...params } });
}
