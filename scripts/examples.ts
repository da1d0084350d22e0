import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, root } from "./workspace.ts";

/** A piece of code that a page shows. */
export interface Example {
  /** From the root: `packages/core/README.md`. */
  readonly page: string;
  readonly line: number;
  readonly code: string;
}

const pages = /^(packages|plugins)\/[^/]+\/README\.md$/;
const sources = /^(packages|plugins)\/[^/]+\/src\/.*(?<!\.d)\.ts$/;

/** The `ts` blocks of every package's README and of `docs/patterns`, and the complete `@example`s of docstrings. */
export function readExamples(at: string = root): readonly Example[] {
  const found: Example[] = [];
  for (const group of ["packages", "plugins"]) {
    for (const page of filesBelow(group, pages, at)) found.push(...fenced(page, read(at, page)));
    for (const page of filesBelow(group, sources, at)) found.push(...docstrings(page, read(at, page)));
  }
  for (const page of filesBelow("docs/patterns", /\.md$/, at)) found.push(...fenced(page, read(at, page)));
  return found;
}

/** Blocks between fences marked `ts`; one marked `ts ignore` or otherwise is left alone. */
export function fenced(page: string, text: string): readonly Example[] {
  const found: Example[] = [];
  let open: { readonly line: number; readonly code: string[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    if (open !== undefined && /^```\s*$/.test(line)) {
      found.push({ page, line: open.line, code: open.code.join("\n") });
      open = undefined;
    } else if (open !== undefined) open.code.push(line);
    else if (/^```ts\s*$/.test(line)) open = { line: index + 2, code: [] };
  }
  if (open !== undefined) throw new Error(`${page}:${open.line - 1}: the block is never closed`);
  return found;
}

/** `@example` of a docstring, where it is a whole program: one that imports what it uses. */
export function docstrings(page: string, text: string): readonly Example[] {
  const found: Example[] = [];
  for (const comment of text.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    const at = comment[0].indexOf("@example");
    if (at === -1) continue;
    const rest = comment[0].slice(at + "@example".length).replace(/\*\/$/, "");
    const lines = rest.split("\n").map((line) => line.replace(/^\s*\* ?/, ""));
    const end = lines.findIndex((line, index) => index > 0 && /^@\w/.test(line));
    const code = (end === -1 ? lines : lines.slice(0, end))
      .filter((line) => !line.startsWith("```"))
      .join("\n")
      .trim();
    if (!/^import /m.test(code)) continue;
    const line = text.slice(0, comment.index + at).split("\n").length;
    found.push({ page, line, code });
  }
  return found;
}

/** Writes each example to a file of its own where the workspace's packages can be imported, and gives its path. */
export function writeExamples(examples: readonly Example[], folder: string): readonly string[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return examples.map(({ page, line, code }) => {
    const file = join(folder, `${page.replaceAll("/", "-").replace(/\.\w+$/, "")}-${line}.ts`);
    writeFileSync(file, `${code}\nexport {};\n`);
    return file;
  });
}

function read(at: string, page: string): string {
  return readFileSync(join(at, page), "utf8");
}
