import type { Setting } from "./inspect.ts";
import { masked } from "./list-settings.ts";
import type { ReadConfig } from "./read-config.ts";
import type { KeyPath, SourceNode } from "./source.ts";
import { showPath } from "./source.ts";

export interface ToJsonOptions {
  /** Shows secrets too: only for writing a config file. */
  readonly revealSecrets?: boolean;
}

/**
 * The config as plain JSON, as `/config.json` shows it: the keys that were given, with aliases and merge keys followed,
 * and secrets masked. What was left out stays out, also where a profile sets it, so that reading it again gives the
 * same config.
 */
export function toJson(read: ReadConfig, options: ToJsonOptions = {}): unknown {
  const reveal = options.revealSecrets === true;
  return print(read.source.root, [], (path) => !reveal && isSecret(read.settings.get(showPath(path))));
}

function isSecret(setting: Setting | undefined): boolean {
  return setting?.settled.secret === true;
}

function print(node: SourceNode, path: KeyPath, hidden: (path: KeyPath) => boolean): unknown {
  if (hidden(path)) return masked;
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "list":
      return node.items.map((item, index) => print(item, [...path, index], hidden));
    case "map":
      return Object.fromEntries(
        [...node.entries]
          .filter(([, { value }]) => value.kind === "list" || value.profile === undefined)
          .map(([key, { value }]) => [key, print(value, [...path, key], hidden)]),
      );
  }
}
