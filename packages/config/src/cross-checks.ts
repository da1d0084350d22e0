import type { Setting } from "./inspect.ts";
import type { Issues } from "./issues.ts";
import { type KeyPath, placeOf, type ScalarNode, type Source, type SourceNode, showPath } from "./source.ts";
import { canonicalIp } from "./types.ts";

/** What no single key shows: the rules between the parts of a config. It works on what is readable of a wrong config. */
export function crossCheck(source: Source, settings: ReadonlyMap<string, Setting>, issues: Issues): void {
  if (source.root.kind !== "map") return;
  const view = new View(source.root, settings);
  const routers = source.root.entries.get("routers");
  if (routers === undefined || (routers.value.kind === "list" && routers.value.items.length === 0)) {
    const message = "At least one router must be specified in the configuration.";
    issues.add({ rule: "noRoutersSpecified", path: ["routers"], offset: routers?.key.start ?? 0, message });
    return;
  }
  if (routers.value.kind !== "list") return;
  checkLabels(view, routers.value.items, issues);
  checkPorts(view, routers.value.items, issues);
  for (const [index, router] of routers.value.items.entries()) {
    if (router.kind !== "map") continue;
    checkServers(view, index, router, issues);
    checkStreaming(index, router, issues);
  }
}

/** Values by path, given or by default. */
class View {
  readonly #root: SourceNode;
  readonly #settings: ReadonlyMap<string, Setting>;

  constructor(root: SourceNode, settings: ReadonlyMap<string, Setting>) {
    this.#root = root;
    this.#settings = settings;
  }

  scalar(path: KeyPath): ScalarNode["value"] | undefined {
    const place = placeOf(this.#root, path);
    if (place.depth === path.length) return place.node.kind === "scalar" ? place.node.value : undefined;
    const value = this.#settings.get(showPath(path))?.settled.default?.value;
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : undefined;
  }

  /** The value's place, else that of what it would stand in. */
  offset(path: KeyPath): number {
    return placeOf(this.#root, path).node.start;
  }

  known(path: KeyPath): boolean {
    return this.#settings.has(showPath(path));
  }
}

function checkLabels(view: View, routers: readonly SourceNode[], issues: Issues): void {
  const seen = new Set<string>();
  for (const index of routers.keys()) {
    const given = view.scalar(["routers", index, "label"]);
    const key = given === undefined || given === null ? "protocol" : "label";
    const label = view.scalar(["routers", index, key]);
    if (label === undefined || label === null) continue;
    const path = ["routers", index, key];
    if (seen.has(String(label))) {
      const message = `Multiple routers with the label ${String(label).slice(0, 80)}`;
      issues.add({ rule: "conflictingLabels", path, offset: view.offset(path), message });
    }
    seen.add(String(label));
  }
}

function checkPorts(view: View, routers: readonly SourceNode[], issues: Issues): void {
  const taken = new Map<string, string>();
  const take = (ipPath: KeyPath, portPath: KeyPath, freePortIsShared: boolean): void => {
    const ip = view.scalar(ipPath);
    const port = view.scalar(portPath);
    if (typeof ip !== "string" || typeof port !== "number") return;
    if (port === 0 && freePortIsShared) return;
    const address = `${canonicalIp(ip)} ${port}`;
    const other = taken.get(address);
    if (other === undefined) {
      taken.set(address, showPath(portPath));
      return;
    }
    const message = `Server conflict on port ${port}: ${other} has ${ip}:${port} already`;
    issues.add({ rule: "conflictingPorts", path: portPath, offset: view.offset(portPath), message });
  };
  take(["admin", "ip"], ["admin", "port"], true);
  take(["admin", "ip"], ["admin", "httpIdentifierPort"], true);
  for (const [index, router] of routers.entries()) {
    const servers = router.kind === "map" ? router.entries.get("servers")?.value : undefined;
    if (servers?.kind !== "list") continue;
    for (const server of servers.items.keys()) {
      const path = ["routers", index, "servers", server];
      take([...path, "ip"], [...path, "port"], false);
    }
  }
}

function checkServers(view: View, index: number, router: SourceNode & { kind: "map" }, issues: Issues): void {
  const path = ["routers", index, "servers"];
  const servers = router.entries.get("servers");
  // A protocol without `servers` is not one of ours to judge; one that is unknown has been refused already.
  if (!view.known(path) || (servers !== undefined && servers.value.kind !== "list")) return;
  if (servers?.value.kind === "list" && servers.value.items.length > 0) return;
  const message = "the router has no servers; it needs at least one";
  issues.add({ rule: "noServersSpecified", path, offset: servers?.key.start ?? router.start, message });
}

function checkStreaming(index: number, router: SourceNode & { kind: "map" }, issues: Issues): void {
  const enabled = router.entries.get("streamingEnabled")?.value;
  const threshold = router.entries.get("streamAfterContentLengthKB");
  if (enabled?.kind !== "scalar" || enabled.value !== false || threshold === undefined) return;
  const path = ["routers", index, "streamAfterContentLengthKB"];
  const message = "streamAfterContentLengthKB has no meaning with streamingEnabled: false; give one of them";
  issues.add({ rule: "conflictingStreamingOptions", path, offset: threshold.key.start, message });
}
