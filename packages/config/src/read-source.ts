import { Issues } from "./issues.ts";
import { readJson } from "./read-json.ts";
import { readYaml } from "./read-yaml.ts";
import type { Source } from "./source.ts";

/** Largest config text, in UTF-16 units. */
export const maxConfigChars: number = 10 * 1024 * 1024;

/** A text that was read as far as that is possible, and the mistakes in it. */
export interface ReadSource {
  readonly source: Source | undefined;
  readonly issues: Issues;
}

/**
 * Reads the text of a config: JSON when it begins with `{`, else YAML. `name` is what messages call it.
 *
 * Errors: none thrown; mistakes are in `issues`, and the source is `undefined` when there is no telling what was meant.
 */
export function readSource(given: string, name: string): ReadSource {
  const text = given.charCodeAt(0) === 0xfeff ? given.slice(1) : given;
  if (text.length > maxConfigChars) {
    const issues = new Issues(name, "");
    const message = `the config has ${text.length} characters; the limit is ${maxConfigChars}`;
    issues.add({ rule: "tooLarge", path: [], offset: 0, message });
    return { source: undefined, issues };
  }
  const issues = new Issues(name, text);
  const root = text.trimStart().startsWith("{") ? readJson(text, issues) : readYaml(text, issues);
  return { source: root === undefined ? undefined : { name, text, root }, issues };
}
