import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("..", import.meta.url));

export type Group = "packages" | "plugins" | "apps";
export const groups: readonly Group[] = ["packages", "plugins", "apps"];

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly files?: readonly string[];
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly weftmesh?: { readonly layer?: number };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** One package of the workspace. */
export interface Member {
  readonly group: Group;
  /** The folder's name: `core`. */
  readonly short: string;
  /** From the root, with forward slashes: `packages/core`. */
  readonly dir: string;
  readonly manifest: Manifest;
}

/** Every package below `at`, in the order of their folders. */
export function readMembers(at: string = root): readonly Member[] {
  const members: Member[] = [];
  for (const group of groups) {
    for (const short of foldersOf(join(at, group))) {
      const file = join(at, group, short, "package.json");
      if (!existsSync(file)) continue;
      const manifest = JSON.parse(readFileSync(file, "utf8")) as Manifest;
      members.push({ group, short, dir: `${group}/${short}`, manifest });
    }
  }
  return members;
}

/** What is published: packages and plugins that are not private. */
export function published(members: readonly Member[]): readonly Member[] {
  return members.filter((each) => each.group !== "apps" && each.manifest.private !== true);
}

/** Files below `folder` whose path fits, from the root, with forward slashes; empty when there is no folder. */
export function filesBelow(folder: string, fits: RegExp, at: string = root): readonly string[] {
  const found: string[] = [];
  const walk = (dir: string): void => {
    if (!existsSync(dir)) return;
    for (const name of readdirSync(dir).sort()) {
      if (name === "node_modules" || name === "dist" || name === ".turbo" || name === "coverage") continue;
      const path = join(dir, name);
      if (statSync(path).isDirectory()) walk(path);
      else {
        const shown = relative(at, path).split(sep).join("/");
        if (fits.test(shown)) found.push(shown);
      }
    }
  };
  walk(join(at, folder));
  return found;
}

function foldersOf(dir: string): readonly string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => statSync(join(dir, name)).isDirectory())
    .sort();
}

/** True when the file is what `node` was started with. */
export function isMain(url: string): boolean {
  return process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1];
}
