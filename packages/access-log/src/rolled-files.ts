import { basename, dirname, join } from "node:path";
import type { Disk } from "./disk.ts";
import { splitName } from "./roll-policy.ts";

/** A file that was rolled: `access-20261121-1.log` is the second of that day. */
interface Rolled {
  readonly name: string;
  readonly stamp: string;
  readonly turn: number;
}

/** What stands between the stem and the suffix: never that of a file which only begins alike. */
const stampAndTurn = /^(\d{4}(?:\d{4}(?:-\d{6}|-\d{2}(?!\d))?)?)(?:-(\d+))?$/;

/** The files that `path` left behind when it was rolled, the oldest first. */
async function rolledFiles(disk: Disk, path: string): Promise<readonly Rolled[]> {
  const { stem, suffix } = splitName(basename(path));
  const rolled: Rolled[] = [];
  for (const name of await disk.list(dirname(path))) {
    if (!name.startsWith(`${stem}-`) || !name.endsWith(suffix)) continue;
    const found = stampAndTurn.exec(name.slice(stem.length + 1, name.length - suffix.length));
    if (found !== null) rolled.push({ name, stamp: found[1] as string, turn: Number(found[2] ?? 0) });
  }
  return rolled.sort((a, b) => (a.stamp === b.stamp ? a.turn - b.turn : a.stamp < b.stamp ? -1 : 1));
}

/**
 * A name for `path` that nobody has: `wanted` itself or, where there is one already, with `-1`, `-2`, ... before its
 * suffix. Never one that would sort before a file which is older.
 */
export async function freeName(disk: Disk, path: string, wanted: string): Promise<string> {
  const { stem, suffix } = splitName(wanted);
  const stamp = basename(stem).slice(basename(splitName(path).stem).length + 1);
  const last = (await rolledFiles(disk, path)).findLast((each) => each.stamp === stamp);
  return last === undefined ? wanted : `${stem}-${last.turn + 1}${suffix}`;
}

/** Removes the oldest of the files that `path` left behind, until there are `keep`. */
export async function removeOldest(disk: Disk, path: string, keep: number): Promise<void> {
  const rolled = await rolledFiles(disk, path);
  for (const { name } of rolled.slice(0, Math.max(0, rolled.length - keep))) {
    await disk.remove(join(dirname(path), name));
  }
}
