import type { ConfigError, ConfigRule } from "./config-error.ts";
import { Issues } from "./issues.ts";
import type { ReadConfig } from "./read-config.ts";
import { type KeyPath, placeOf } from "./source.ts";

/**
 * A mistake that shows only when what a config describes is built, at the key that is at fault; where the text does not
 * go as deep as the path, at what it would stand in.
 */
export function locatedError(read: ReadConfig, path: KeyPath, rule: ConfigRule, message: string): ConfigError {
  const { source } = read;
  const issues = new Issues(source.name, source.text);
  issues.add({ rule, path, offset: placeOf(source.root, path).node.start, message });
  return issues.error();
}
