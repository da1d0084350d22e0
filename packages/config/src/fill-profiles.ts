import type * as z from "zod";
import { type Profile, type ProfileDefault, profiles } from "./profiles.ts";
import { type Entry, type MapNode, plainValue, type SourceNode, type Span } from "./source.ts";
import { settle } from "./structure.ts";

/** A profile as a config names it, and where. */
interface Named {
  readonly name: string;
  readonly profile: Profile;
  readonly at: Span;
}

type Keys = ReadonlyMap<string, z.core.$ZodType>;

/**
 * The config with what its profiles say of keys that it does not give.
 *
 * Shape: only the tree grows, and only by nodes that say which profile they are of; what is written is left as it is,
 * be it wrong. So a key that is given wins, and everything that reads the tree knows the profile's keys as well.
 */
export function fillProfiles(schema: z.core.$ZodType, root: SourceNode): SourceNode {
  const routers = root.kind === "map" ? root.entries.get("routers") : undefined;
  if (root.kind !== "map" || routers?.value.kind !== "list") return root;
  const list = keysOf(schema, root)?.get("routers");
  const structure = list === undefined ? undefined : settle(list, plainValue(routers.value)).structure;
  if (structure?.kind !== "list") return root;
  const { element } = structure;
  const items = routers.value.items.map((router) => (router.kind === "map" ? fillRouter(element, router) : router));
  const filled = withEntry(root, "routers", { key: routers.key, value: { ...routers.value, items } });
  const keys = keysOf(schema, root);
  const used = new Map(items.flatMap(profilesOf).map((each) => [each.name, each]));
  if (keys === undefined || used.size === 0) return root;
  return [...used.values()].reduce((node, each) => fill(node, keys, each.profile.process, each), filled);
}

/** Those of a router and its servers. */
function profilesOf(router: SourceNode): readonly Named[] {
  if (router.kind !== "map") return [];
  const servers = router.entries.get("servers")?.value;
  const nodes = [router, ...(servers?.kind === "list" ? servers.items : [])];
  return nodes.flatMap((node) => (node.kind === "map" ? (named(node) ?? []) : []));
}

function fillRouter(schema: z.core.$ZodType, router: MapNode): MapNode {
  const keys = keysOf(schema, router);
  if (keys === undefined) return router;
  const own = named(router);
  const filled = own === undefined ? router : fill(router, keys, own.profile.router, own);
  const servers = filled.entries.get("servers");
  const serverKeys = servers?.value.kind === "list" ? listKeys(keys.get("servers"), servers.value) : undefined;
  if (servers?.value.kind !== "list" || serverKeys === undefined) return filled;
  let changed = false;
  const items = servers.value.items.map((server) => {
    if (server.kind !== "map") return server;
    const said = server.entries.has("profile") ? named(server) : own;
    const each = said === undefined ? server : fill(server, serverKeys, said.profile.server, said);
    changed ||= each !== server;
    return each;
  });
  return changed ? withEntry(filled, "servers", { key: servers.key, value: { ...servers.value, items } }) : filled;
}

function named(node: MapNode): Named | undefined {
  const entry = node.entries.get("profile");
  if (entry?.value.kind !== "scalar" || typeof entry.value.value !== "string") return undefined;
  const name = entry.value.value;
  const profile = profiles.get(name);
  return profile === undefined ? undefined : { name, profile, at: entry.value };
}

function fill(node: MapNode, keys: Keys, values: readonly ProfileDefault[], from: Named): MapNode {
  return values.reduce((filled, { path, value }) => put(filled, keys, path, value, from), node);
}

function put(
  node: MapNode,
  keys: Keys,
  [key, ...rest]: readonly string[],
  value: ProfileDefault["value"],
  from: Named,
): MapNode {
  const schema = key === undefined ? undefined : keys.get(key);
  if (key === undefined || schema === undefined) return node;
  const given = node.entries.get(key);
  const { start, end } = from.at;
  const made = { start, end, profile: from.name };
  if (rest.length === 0) {
    if (given !== undefined) return node;
    return withEntry(node, key, { key: from.at, value: { kind: "scalar", value, ...made } });
  }
  const inner = given?.value ?? { kind: "map", entries: new Map(), ...made };
  const innerKeys = keysOf(schema, inner);
  if (inner.kind !== "map" || innerKeys === undefined) return node;
  const filled = put(inner, innerKeys, rest, value, from);
  return filled === inner ? node : withEntry(node, key, { key: given?.key ?? from.at, value: filled });
}

function withEntry(node: MapNode, key: string, entry: Entry): MapNode {
  return { ...node, entries: new Map([...node.entries, [key, entry]]) };
}

function keysOf(schema: z.core.$ZodType, node: SourceNode): Keys | undefined {
  const { structure } = settle(schema, plainValue(node));
  return structure.kind === "object" ? structure.keys : undefined;
}

function listKeys(schema: z.core.$ZodType | undefined, node: SourceNode): Keys | undefined {
  const structure = schema === undefined ? undefined : settle(schema, plainValue(node)).structure;
  if (structure?.kind !== "list") return undefined;
  const { structure: element } = settle(structure.element, undefined);
  return element.kind === "object" ? element.keys : undefined;
}
