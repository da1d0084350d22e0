import type * as z from "zod";
import { crossCheck } from "./cross-checks.ts";
import { explain } from "./explain.ts";
import { fillProfiles } from "./fill-profiles.ts";
import { inspect, type Setting } from "./inspect.ts";
import type { Issues } from "./issues.ts";
import type { PluginSource } from "./plugin.ts";
import { readSource } from "./read-source.ts";
import { type LinkerConfig, linkerSchema, pluginsSchema } from "./schema/linker.ts";
import { plainValue, type Source } from "./source.ts";

/** A config that can be run, and what is known of where it was written. */
export interface ReadConfig {
  readonly config: LinkerConfig;
  readonly source: Source;
  /** Every key that is there or could be, by its path. */
  readonly settings: ReadonlyMap<string, Setting>;
}

/**
 * Reads and checks a whole config. `name` is what messages call the text: a file name, or `-`.
 *
 * Errors: `ConfigError` (`WEFT_CONFIG_INVALID`) with every mistake at once, and nothing else for whatever text.
 */
export function readConfig(text: string, name: string, plugins: PluginSource): ReadConfig {
  const { source: written, issues } = readSource(text, name);
  if (written === undefined) throw issues.error();
  const schema = linkerSchema(plugins);
  const source: Source = { ...written, root: fillProfiles(schema, written.root) };
  const { value, settings } = check(schema, source, issues);
  crossCheck(source, settings, issues);
  issues.throwIfAny();
  return { config: value as LinkerConfig, source, settings };
}

/** What `-validate` does: throws as `readConfig` does, and keeps nothing. */
export function validateConfig(text: string, name: string, plugins: PluginSource): void {
  readConfig(text, name, plugins);
}

/** Only the list `plugins:` of a config, which has to be known before the rest can be checked. */
export function readPluginNames(text: string, name: string): readonly string[] {
  const { source, issues } = readSource(text, name);
  if (source === undefined) throw issues.error();
  const entry = source.root.kind === "map" ? source.root.entries.get("plugins") : undefined;
  if (entry === undefined) return [];
  const parsed = pluginsSchema().safeParse(plainValue(entry.value));
  return parsed.success ? parsed.data : [];
}

/** Reads any text with any schema, with the same checks and messages. For parts of a config, and for tests of plugins. */
export function readWith<T>(schema: z.ZodType<T>, text: string, name: string): T {
  const { source, issues } = readSource(text, name);
  if (source === undefined) throw issues.error();
  const { value } = check(schema, source, issues);
  issues.throwIfAny();
  return value as T;
}

function check<T>(
  schema: z.ZodType<T>,
  source: Source,
  issues: Issues,
): { readonly value: T | undefined; readonly settings: ReadonlyMap<string, Setting> } {
  const settings = inspect(schema, source.root, issues);
  const parsed = schema.safeParse(plainValue(source.root), { reportInput: false });
  if (parsed.success) return { value: parsed.data, settings };
  for (const issue of parsed.error.issues) {
    const finding = explain(issue, source.root, settings);
    if (finding !== undefined) issues.add(finding);
  }
  return { value: undefined, settings };
}
