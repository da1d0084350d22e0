import { basename, dirname, join } from "node:path";
import type { Disk } from "./disk.ts";
import { splitName } from "./roll-policy.ts";

/** A name beside `wanted` that nobody has: `wanted` itself, or with `-1`, `-2`, ... before its suffix. */
export async function freeName(disk: Disk, wanted: string): Promise<string> {
  const { stem, suffix } = splitName(wanted);
  let name = wanted;
  for (let i = 1; (await disk.idOf(name)) !== undefined; i++) name = `${stem}-${i}${suffix}`;
  return name;
}

/** Removes the oldest of the files that `path` left behind when it was rolled, until there are `keep`. */
export async function removeOldest(disk: Disk, path: string, keep: number): Promise<void> {
  const folder = dirname(path);
  const { stem, suffix } = splitName(basename(path));
  const rolled: Rolled[] = [];
  for (const name of await disk.list(folder)) {
    if (!name.startsWith(`${stem}-`) || !name.endsWith(suffix) || name.length < stem.length + 1 + suffix.length)
      continue;
    const found = stampAndTurn.exec(name.slice(stem.length + 1, name.length - suffix.length));
    if (found !== null) rolled.push({ name, stamp: found[1] as string, turn: Number(found[2] ?? 0) });
  }
  rolled.sort((a, b) => (a.stamp === b.stamp ? a.turn - b.turn : a.stamp < b.stamp ? -1 : 1));
  for (const { name } of rolled.slice(0, Math.max(0, rolled.length - keep))) await disk.remove(join(folder, name));
}

interface Rolled {
  readonly name: string;
  readonly stamp: string;
  readonly turn: number;
}

/** What `rolledName` and `freeName` write: never the name of a file that only begins alike. */
const stampAndTurn = /^(\d{4}(?:\d{4}(?:-\d{6}|-\d{2}(?!\d))?)?)(?:-(\d+))?$/;
