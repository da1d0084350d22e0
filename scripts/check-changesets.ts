import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isMain, published, readMembers, root } from "./workspace.ts";

export interface Changeset {
  readonly file: string;
  readonly bumps: ReadonlyMap<string, string>;
  readonly summary: string;
}

/** Reads `.changeset/*.md`: a head of `"package": bump` lines between dashes, and the sentences for the users. */
export function readChangeset(file: string, text: string): Changeset {
  const [, head, summary] = /^---\n([\s\S]*?)\n?---\n([\s\S]*)$/.exec(text) ?? [];
  if (head === undefined || summary === undefined) throw new Error(`${file}: no head between two lines of dashes`);
  const bumps = new Map<string, string>();
  for (const line of head.split("\n").filter((each) => each.trim() !== "")) {
    const [, name, bump] = /^["']?([^"':]+)["']?:\s*(\w+)\s*$/.exec(line) ?? [];
    if (name === undefined || bump === undefined) throw new Error(`${file}: cannot read the line ${line}`);
    bumps.set(name, bump);
  }
  return { file, bumps, summary: summary.trim() };
}

/** What is wrong with them: one line each. A published package without a changelog must be in one. */
export function changesetProblems(
  changesets: readonly Changeset[],
  packages: ReadonlyMap<string, { readonly released: boolean }>,
): readonly string[] {
  const problems: string[] = [];
  for (const { file, bumps, summary } of changesets) {
    if (bumps.size === 0) problems.push(`${file}: names no package; an internal change needs no file`);
    if (!/[.!?]$/.test(summary)) problems.push(`${file}: says nothing to the users in a sentence`);
    for (const [name, bump] of bumps) {
      if (!packages.has(name)) problems.push(`${file}: ${name} is no published package`);
      if (!["patch", "minor", "major"].includes(bump)) problems.push(`${file}: ${name}: ${bump} is no bump`);
    }
  }
  for (const [name, { released }] of packages) {
    if (released || changesets.some((each) => each.bumps.has(name))) continue;
    problems.push(`${name} was never released and no file in .changeset names it`);
  }
  return problems;
}

if (isMain(import.meta.url)) {
  const folder = join(root, ".changeset");
  const files = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "README.md");
  const changesets = files.map((name) => readChangeset(name, readFileSync(join(folder, name), "utf8")));
  const packages = new Map(
    published(readMembers()).map((each) => [
      each.manifest.name,
      { released: existsSync(join(root, each.dir, "CHANGELOG.md")) },
    ]),
  );
  const problems = changesetProblems(changesets, packages);
  for (const problem of problems) console.error(problem);
  console.log(
    `changesets: ${changesets.length} files, ${packages.size} published packages, ${problems.length} problems`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
