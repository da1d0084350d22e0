import { LineTable } from "./line-table.ts";
import { type Profile, profiles } from "./profiles.ts";
import type { ReadConfig } from "./read-config.ts";
import { type KeyPath, type MapNode, placeOf, plainValue, type SourceNode, showPath } from "./source.ts";

/** One key of which a profile has something to say, as it is in force. */
export interface ProfileSetting {
  readonly keyPath: string;
  readonly value: unknown;
  /** `profile edge`, or the `file:line:column` of the value that was given and wins. */
  readonly origin: string;
}

/** A router or server with a profile. */
export interface ProfileUse {
  /** As `routers[0]` or `routers[0].servers[1]`; empty for what concerns the whole process. */
  readonly keyPath: string;
  readonly profile: string;
  readonly settings: readonly ProfileSetting[];
}

/** What the profiles of a config set, and which of their values the config has overridden. */
export function profileSettings({ source, settings }: ReadConfig): readonly ProfileUse[] {
  const lines = new LineTable(source.text);
  const routers = entryOf(source.root, "routers");
  if (routers?.kind !== "list") return [];
  const uses: ProfileUse[] = [];
  const look = (path: KeyPath, node: MapNode, name: string, level: keyof Profile): void => {
    const found: ProfileSetting[] = [];
    for (const each of profiles.get(name)?.[level] ?? []) {
      const keyPath = [...path, ...each.path];
      const shown = showPath(keyPath);
      const place = placeOf(node, each.path);
      if (!settings.has(shown) || place.depth < each.path.length) continue;
      const profile = place.node.kind === "list" ? undefined : place.node.profile;
      const { line, column } = lines.at(place.key?.start ?? place.node.start);
      const origin = profile === undefined ? `${source.name}:${line}:${column}` : `profile ${profile}`;
      found.push({ keyPath: shown, value: plainValue(place.node), origin });
    }
    used.add(name);
    if (level === "process" && found.length === 0) return;
    uses.push({ keyPath: showPath(path), profile: name, settings: found });
  };
  const used = new Set<string>();
  for (const [r, router] of routers.items.entries()) {
    if (router.kind !== "map") continue;
    const own = textOf(entryOf(router, "profile"));
    if (own !== undefined && profiles.has(own)) look(["routers", r], router, own, "router");
    const servers = entryOf(router, "servers");
    for (const [s, server] of (servers?.kind === "list" ? servers.items : []).entries()) {
      if (server.kind !== "map") continue;
      const said = textOf(entryOf(server, "profile")) ?? own;
      if (said !== undefined && profiles.has(said)) look(["routers", r, "servers", s], server, said, "server");
    }
  }
  if (source.root.kind === "map") for (const name of [...used]) look([], source.root, name, "process");
  return uses;
}

function entryOf(node: SourceNode, key: string): SourceNode | undefined {
  return node.kind === "map" ? node.entries.get(key)?.value : undefined;
}

function textOf(node: SourceNode | undefined): string | undefined {
  return node?.kind === "scalar" && typeof node.value === "string" ? node.value : undefined;
}
