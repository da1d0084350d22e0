import { showAddress } from "@weftmesh/naming";
import type { DirectoryWatch } from "./directory-watch.ts";
import type { FileTree } from "./file-tree.ts";
import type { FileWatch } from "./file-watch.ts";

/** A watched directory: its last event, what is followed in it, and its watched subdirectories by name. */
export interface DirectoryState {
  readonly [child: string]: unknown;
  readonly events: { lastEventKind?: string; lastEventName?: string; lastEventAt?: string };
  readonly state: { readonly running: boolean; readonly value: Readonly<Record<string, string>> };
}

/** The state of the root directory, whether it is watched or not. */
export function directoryState(tree: FileTree): DirectoryState {
  return stateOf(tree, tree.root);
}

function stateOf(tree: FileTree, path: string): DirectoryState {
  const inside = `${path}/`;
  const watch = tree.directories.get(path);
  const children = [...tree.directories.keys()].filter((each) => isChild(each, inside));
  const files = [...tree.files()].filter((each) => isChild(each.path, inside));
  // The fixed keys come last: a directory that is called `state` must not hide the state.
  return {
    ...Object.fromEntries(children.map((child) => [child.slice(inside.length), stateOf(tree, child)])),
    events: eventsOf(watch),
    state: {
      running: watch !== undefined,
      value: Object.fromEntries(files.map((file) => [file.path.slice(inside.length), fileState(file)])),
    },
  };
}

function isChild(path: string, inside: string): boolean {
  return path.startsWith(inside) && !path.includes("/", inside.length);
}

function eventsOf(watch: DirectoryWatch | undefined): DirectoryState["events"] {
  const last = watch?.lastEvent;
  if (last === undefined) return {};
  return {
    lastEventKind: last.kind,
    ...(last.name === undefined ? {} : { lastEventName: last.name }),
    lastEventAt: isoTime(last.atEpochMs),
  };
}

function fileState(file: FileWatch): string {
  const place = file.place.value;
  if (place.kind === "failed") return `error: ${place.error.message}`;
  if (place.kind !== "file") return place.kind;
  const addr = file.addr.value;
  if (addr.kind === "failed") return `error: ${addr.error.message}`;
  return addr.kind === "bound" ? addr.addresses.map(showAddress).join(", ") : addr.kind;
}

function isoTime(epochMs: number): string {
  // biome-ignore lint/style/noRestrictedGlobals: prints a time that the clock gave, and reads none
  return new Date(epochMs).toISOString();
}
