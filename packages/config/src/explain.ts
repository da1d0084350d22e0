import type * as z from "zod";
import type { ConfigRule } from "./config-error.ts";
import type { Setting } from "./inspect.ts";
import type { Finding } from "./issues.ts";
import type { IssueParams } from "./schema-switch.ts";
import { type KeyPath, placeOf, type SourceNode, showPath } from "./source.ts";
import { defOf, type Settled, settle } from "./structure.ts";

/** Turns an issue of the schema into a mistake at a place of the text. */
export function explain(
  issue: z.core.$ZodIssue,
  root: SourceNode,
  settings: ReadonlyMap<string, Setting>,
): Finding | undefined {
  // The walker reports those, with the known keys. It does not see into unions; there the schema's word counts.
  const path = (issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path) as KeyPath;
  const place = placeOf(root, path);
  const missing = place.depth < path.length;
  const node = place.node;
  const setting = settings.get(showPath(path));
  const params = (issue.code === "custom" ? (issue.params ?? {}) : {}) as IssueParams;
  const expected = params.expected ?? (setting === undefined ? undefined : expectation(setting.settled));
  const offset = offsetOf(place.key?.start, node, missing, params);
  if (issue.code === "unrecognized_keys" || params.rule === "unknownKey") {
    return { rule: "unknownKey", path, offset: place.key?.start ?? node.start, message: "unknown key" };
  }
  const custom = issue.code === "custom" && params.wordless !== true ? issue.message : undefined;
  const hidden = path.some((_, i) => settings.get(showPath(path.slice(0, i + 1)))?.settled.secret === true);
  const found = missing ? undefined : hidden ? "a secret" : describe(node);
  const message = sentence(custom, missing, expected ?? plainly(issue), found, params);
  const rule = params.rule ?? ruleOf(issue, custom, missing);
  return { rule, path, offset, message, expected, found, nearest: params.nearest };
}

/** At the character itself, else at the value; at the key when there is no value to point at. */
function offsetOf(key: number | undefined, node: SourceNode, missing: boolean, params: IssueParams): number {
  if (missing) return key ?? node.start;
  if (node.kind === "scalar" && params.at !== undefined && node.offsetOf !== undefined) return node.offsetOf(params.at);
  const empty = node.kind === "scalar" && node.value === null && node.start >= node.end;
  return empty ? (key ?? node.start) : node.start;
}

function sentence(
  custom: string | undefined,
  missing: boolean,
  expected: string,
  found: string | undefined,
  params: IssueParams,
): string {
  if (custom !== undefined)
    return params.at !== undefined || params.rule !== undefined ? custom : wrong(custom, params);
  if (missing)
    return `missing; expected ${expected}${params.nearest === undefined ? "" : `; is ${params.nearest} a typo of it?`}`;
  return `expected ${expected}; found ${found}`;
}

function wrong(custom: string, params: IssueParams): string {
  return params.expected === undefined ? custom : `${custom}; expected ${params.expected}`;
}

function ruleOf(issue: z.core.$ZodIssue, custom: string | undefined, missing: boolean): ConfigRule {
  if (custom !== undefined) return "invalidValue";
  if (missing) return "missingKey";
  return issue.code === "invalid_type" || issue.code === "invalid_union" ? "wrongType" : "invalidValue";
}

/** What zod itself expected, where no schema of ours says it better. */
function plainly(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected;
    case "invalid_value":
      return `one of ${issue.values.map(String).join(", ")}`;
    default:
      return issue.message;
  }
}

/** What a schema takes, in words. */
export function expectation(settled: Settled): string | undefined {
  if (settled.expects !== undefined) return settled.expects;
  const { structure, inner } = settled;
  if (structure.kind === "object") {
    const keys = [...structure.keys.keys()];
    return keys.length === 0 ? "an object" : `an object with the keys ${keys.join(", ")}`;
  }
  if (structure.kind === "list") return "a list";
  const def = defOf(inner) as unknown as ScalarDef;
  const limits = limitsOf(def);
  switch (def.type) {
    case "string":
      return limits.min !== undefined && limits.min > 0 ? "text that is not empty" : "text";
    case "boolean":
      return "true or false";
    case "number":
      return numeric(limits);
    case "enum":
      return `one of ${Object.values(def.entries ?? {}).join(", ")}`;
    case "literal":
      return (def.values ?? []).map(String).join(" or ");
    case "union":
      return [
        ...new Set((def.options ?? []).map((option) => expectation(settle(option, undefined)) ?? "something else")),
      ].join(" or ");
    default:
      return undefined;
  }
}

interface ScalarDef {
  readonly type: string;
  readonly format?: string;
  readonly entries?: object;
  readonly values?: readonly unknown[];
  readonly options?: readonly z.core.$ZodType[];
  readonly checks?: readonly z.core.$ZodCheck[];
}

interface Limits {
  readonly integer: boolean;
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** The limits that the checks of a number or text set. */
function limitsOf(def: ScalarDef): Limits {
  let integer = def.format?.includes("int") === true;
  let min: number | undefined;
  let max: number | undefined;
  for (const check of def.checks ?? []) {
    const { check: name, format, value, minimum } = check._zod.def as unknown as CheckDef;
    if (name === "number_format" && format?.includes("int") === true) integer = true;
    if (name === "greater_than") min = Math.max(min ?? Number.NEGATIVE_INFINITY, value ?? 0);
    if (name === "less_than") max = Math.min(max ?? Number.POSITIVE_INFINITY, value ?? 0);
    if (name === "min_length") min = minimum;
  }
  return { integer, min, max };
}

interface CheckDef {
  readonly check: string;
  readonly format?: string;
  readonly value?: number;
  readonly minimum?: number;
}

function numeric({ integer, min, max }: Limits): string {
  const what = integer ? "an integer" : "a number";
  if (min !== undefined && max !== undefined) return `${what} from ${min} to ${max}`;
  if (min !== undefined) return `${what} from ${min}`;
  return max === undefined ? what : `${what} up to ${max}`;
}

/** What stands in the text, in words and in one line. */
export function describe(node: SourceNode): string {
  if (node.kind === "list") return node.items.length === 0 ? "an empty list" : "a list";
  if (node.kind === "map") return "an object";
  if (node.value === null) return "nothing (null)";
  if (typeof node.value === "string") return `the text ${JSON.stringify(shorten(node.value))}`;
  return node.written ?? String(node.value);
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
