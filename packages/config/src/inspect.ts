import type * as z from "zod";
import type { Issues } from "./issues.ts";
import { nearest } from "./nearest.ts";
import { type KeyPath, plainValue, type ScalarNode, type SourceNode, type Span, showPath } from "./source.ts";
import { holdsSecret, type Settled, settle } from "./structure.ts";

/** A key that a config has or could have, and where its value is from. */
export interface Setting {
  readonly path: KeyPath;
  readonly settled: Settled;
  /** The value as it was written; `undefined` when it was not. */
  readonly node: SourceNode | undefined;
  readonly key: Span | undefined;
  /** The object or list that it stands in. */
  readonly parent: SourceNode | undefined;
}

const maxKnownKeys = 40;

/**
 * Walks a config and its schema side by side.
 *
 * It finds what a schema alone cannot: unknown keys with the known ones beside them, numbers that lose something when
 * they are read as text, and secrets. It also lists every key that is there or could be, by its path.
 */
export function inspect(schema: z.core.$ZodType, root: SourceNode, issues: Issues): ReadonlyMap<string, Setting> {
  const settings = new Map<string, Setting>();
  walk(schema, root, { path: [], key: undefined, parent: undefined }, { settings, issues });
  return settings;
}

interface Place {
  readonly path: KeyPath;
  readonly key: Span | undefined;
  readonly parent: SourceNode | undefined;
}

interface Walk {
  readonly settings: Map<string, Setting>;
  readonly issues: Issues;
}

function walk(schema: z.core.$ZodType, node: SourceNode | undefined, place: Place, into: Walk): void {
  const settled = settledFor(schema, node);
  into.settings.set(showPath(place.path), { path: place.path, settled, node, key: place.key, parent: place.parent });
  if (node === undefined) {
    const fallback = settled.default;
    const isEmpty = fallback !== undefined && isEmptyObject(fallback.value);
    if (isEmpty && settled.structure.kind === "object") walkKeys(settled, undefined, place.path, into);
    return;
  }
  if (settled.secret) {
    // What is in it is secret too, and is no setting of its own.
    into.issues.hide(node);
    return;
  }
  hideUnknown(node, settled, into.issues);
  if (settled.text && node.kind === "scalar") checkText(node, place.path, into.issues);
  if (node.kind === "map" && settled.structure.kind === "object") walkKeys(settled, node, place.path, into);
  if (node.kind === "list" && settled.structure.kind === "list") {
    const { element } = settled.structure;
    for (const [index, item] of node.items.entries()) {
      walk(element, item, { path: [...place.path, index], key: undefined, parent: node }, into);
    }
  }
}

/** A value of the wrong form cannot be walked: it is as secret as anything that its schema has inside. */
function settledFor(schema: z.core.$ZodType, node: SourceNode | undefined): Settled {
  const settled = settle(schema, node === undefined ? undefined : plainValue(node));
  if (node === undefined || settled.secret || !isMisshapen(node, settled) || !holdsSecret(schema)) return settled;
  return { ...settled, secret: true };
}

function isMisshapen(node: SourceNode, { structure }: Settled): boolean {
  if (structure.kind === "object") return node.kind !== "map";
  return structure.kind === "list" ? node.kind !== "list" : structure.kind === "value" && node.kind !== "scalar";
}

/** What stands beside a kind that nobody knows may be anything. */
function hideUnknown(node: SourceNode, { structure }: Settled, issues: Issues): void {
  if (node.kind !== "map" || structure.kind !== "opaque" || structure.refusal === undefined) return;
  const [shown] = structure.refusal.path;
  for (const [name, { value }] of node.entries) if (name !== shown) issues.hide(value);
}

function walkKeys(settled: Settled, node: SourceNode | undefined, path: KeyPath, into: Walk): void {
  if (settled.structure.kind !== "object") return;
  const { keys, rest } = settled.structure;
  const entries = node?.kind === "map" ? node.entries : undefined;
  for (const [name, schema] of keys) {
    const entry = entries?.get(name);
    walk(schema, entry?.value, { path: [...path, name], key: entry?.key, parent: node }, into);
  }
  for (const [name, { key, value }] of entries ?? []) {
    if (keys.has(name)) continue;
    if (rest !== undefined && name !== "__proto__")
      walk(rest, value, { path: [...path, name], key, parent: node }, into);
    else if (rest !== undefined) refuseProto([...path, name], key, into.issues);
    else unknownKey([...path, name], name, key, [...keys.keys()], into.issues);
  }
}

function unknownKey(path: KeyPath, name: string, key: Span, known: readonly string[], issues: Issues): void {
  if (issues.full) {
    issues.omit();
    return;
  }
  const near = nearest(name, known);
  const listed = known.slice(0, maxKnownKeys).join(", ");
  const list = known.length === 0 ? "there are none here" : `known keys: ${listed}`;
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  const message = `unknown key; ${list}${hint}`;
  issues.add({ rule: "unknownKey", path, offset: key.start, message, nearest: near, hideFrom: key.end + 1 });
}

function refuseProto(path: KeyPath, key: Span, issues: Issues): void {
  const message = "no key may be named __proto__";
  issues.add({ rule: "unknownKey", path, offset: key.start, message, hideFrom: key.end + 1 });
}

function checkText(node: ScalarNode, path: KeyPath, issues: Issues): void {
  if (node.written === undefined || typeof node.value === "string" || node.value === null) return;
  const message = `expected text; found a bare ${typeof node.value} that would be read as ${String(node.value)}; put it in quotes`;
  issues.add({ rule: "wrongType", path, offset: node.start, message, expected: "text" });
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}
