import type { NameTree } from "./name-tree.ts";
import { scanTree, showTree } from "./name-tree-text.ts";
import type { OverrideLimits } from "./override-limits.ts";
import { type Path, showElem } from "./path.ts";
import type { Scanner } from "./scanner.ts";

/** One rule: names with this prefix become the tree, with the rest of the name behind each leaf. */
export interface Dentry {
  /** Elements; `undefined` is the wildcard, which stands for exactly one. */
  readonly prefix: readonly (string | undefined)[];
  readonly dst: NameTree<Path>;
  /** Set for a delegation that came with a request, where the router limits those. */
  readonly limits?: OverrideLimits;
}

/** Whether a name begins with a prefix. From the end, where names differ most. */
export function prefixMatches(prefix: Dentry["prefix"], elems: readonly string[]): boolean {
  if (prefix.length > elems.length) return false;
  for (let i = prefix.length - 1; i >= 0; i--) {
    const elem = prefix[i];
    if (elem !== undefined && elem !== elems[i]) return false;
  }
  return true;
}

/** Reads `prefix => tree` and the blanks around it. */
export function scanDentry(scanner: Scanner): Dentry {
  scanner.skipBlanks();
  const prefix = scanPrefix(scanner);
  scanner.skipBlanks();
  scanner.expect("=>");
  return { prefix, dst: scanTree(scanner) };
}

function scanPrefix(scanner: Scanner): (string | undefined)[] {
  scanner.expect("/");
  if (!atElem(scanner)) return [];
  const prefix = [scanElem(scanner)];
  while (scanner.take("/")) prefix.push(scanElem(scanner));
  return prefix;
}

function atElem(scanner: Scanner): boolean {
  return scanner.atLabel() || scanner.peek() === "*";
}

function scanElem(scanner: Scanner): string | undefined {
  if (!scanner.take("*")) {
    const elem = scanner.label();
    if (scanner.peek() === "*") throw scanner.error("'/', '=>' or a label character ('*' stands for a whole element)");
    return elem;
  }
  if (atElem(scanner)) throw scanner.error("'/' or '=>' ('*' stands for a whole element)");
  return undefined;
}

/** The text of a prefix: `/svc/*`. */
export function showPrefix(prefix: Dentry["prefix"]): string {
  if (prefix.length === 0) return "/";
  return prefix.map((elem) => `/${elem === undefined ? "*" : showElem(elem)}`).join("");
}

/** The text of a rule; `arrow` stands between prefix and tree. */
export function showDentry(dentry: Dentry, arrow = "=>"): string {
  return `${showPrefix(dentry.prefix)}${arrow}${showTree(dentry.dst)}`;
}
