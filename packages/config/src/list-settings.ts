import type { Setting } from "./inspect.ts";
import { LineTable } from "./line-table.ts";
import type { ReadConfig } from "./read-config.ts";
import { plainValue, type SourceNode, showPath } from "./source.ts";

/** A key of a config that has a value, and where the value is from. */
export interface ListedSetting {
  readonly keyPath: string;
  /** As JSON would have it; `"***"` for a secret. */
  readonly value: unknown;
  /** `default`, `profile edge`, or `file:line:column`. */
  readonly origin: string;
  readonly description: string | undefined;
}

/** What is shown in place of a secret. */
export const masked = "***";

/** Every key with a value, given or by default, in the order of the schema. What has no value is left out. */
export function listSettings({ source, settings }: ReadConfig): readonly ListedSetting[] {
  const lines = new LineTable(source.text);
  const listed: ListedSetting[] = [];
  for (const setting of settings.values()) {
    if (setting.path.length === 0 || hasParts(setting)) continue;
    const { settled, node } = setting;
    if (node === undefined && settled.default === undefined) continue;
    const { line, column } = lines.at(setting.key?.start ?? node?.start ?? 0);
    listed.push({
      keyPath: showPath(setting.path),
      value: settled.secret ? masked : node === undefined ? plain(settled.default?.value) : plainValue(node),
      origin: originOf(node, `${source.name}:${line}:${column}`),
      description: settled.description,
    });
  }
  return listed;
}

function originOf(node: SourceNode | undefined, written: string): string {
  if (node === undefined) return "default";
  return node.kind === "list" || node.profile === undefined ? written : `profile ${node.profile}`;
}

/** A value whose parts are listed one by one. */
function hasParts({ node, settled }: Setting): boolean {
  if (settled.secret) return false;
  const { kind } = settled.structure;
  if (node !== undefined)
    return (node.kind === "map" && kind === "object") || (node.kind === "list" && kind === "list" && hasItems(node));
  return (
    kind === "object" &&
    settled.structure.kind === "object" &&
    settled.structure.keys.size > 0 &&
    isEmptyObject(settled.default?.value)
  );
}

function hasItems(node: SourceNode): boolean {
  return node.kind === "list" && node.items.length > 0;
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
