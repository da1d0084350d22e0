import { Empty, Fail, leaf, type NameTree, Neg, type Weighted } from "./name-tree.ts";
import { Path } from "./path.ts";
import { Scanner } from "./scanner.ts";

/** Deeper than anybody writes, and far from the end of the stack. */
const maxNesting = 200;

/**
 * Reads a tree: `/a | 0.3 * /b & 0.7 * /c | !`, with parentheses, blanks and comments where they help.
 *
 * Errors: `WEFT_NAME_SYNTAX` with the position; also for more than 200 nested parentheses.
 */
export function readTree(text: string): NameTree<Path> {
  const scanner = new Scanner(text);
  const tree = scanTree(scanner);
  scanner.expectEnd("'|', '&' or the end");
  return tree;
}

/** Reads a tree and the blanks after it. */
export function scanTree(scanner: Scanner): NameTree<Path> {
  return scanAlt(scanner, 0);
}

function scanAlt(scanner: Scanner, nesting: number): NameTree<Path> {
  const first = scanUnion(scanner, nesting);
  if (scanner.peek() !== "|") return first;
  // Not spread into arguments anywhere: a text may hold more branches than a call takes.
  const trees = [first];
  while (scanner.take("|")) trees.push(scanUnion(scanner, nesting));
  return { kind: "alt", trees };
}

function scanUnion(scanner: Scanner, nesting: number): NameTree<Path> {
  const first = scanWeighted(scanner, nesting);
  // A weight alone says nothing: there is nobody to share with.
  if (scanner.peek() !== "&") return first.tree;
  const trees = [first];
  while (scanner.take("&")) trees.push(scanWeighted(scanner, nesting));
  return { kind: "union", trees };
}

function scanWeighted(scanner: Scanner, nesting: number): Weighted<Path> {
  scanner.skipBlanks();
  const weight = scanWeight(scanner);
  const tree = scanSimple(scanner, nesting);
  scanner.skipBlanks();
  return { weight: weight ?? 1, tree };
}

const weightText = /[0-9]*\.?[0-9]*/y;

function scanWeight(scanner: Scanner): number | undefined {
  const { text, at } = scanner;
  weightText.lastIndex = at;
  const number = weightText.exec(text)?.[0] ?? "";
  if (number === "") return undefined;
  scanner.at += number.length;
  if (number === ".") throw scanner.error("a digit");
  const weight = Number(number);
  scanner.skipBlanks();
  scanner.expect("*");
  if (!Number.isFinite(weight)) {
    scanner.at = at;
    throw scanner.error("a weight that is not as large");
  }
  scanner.skipBlanks();
  return weight;
}

function scanSimple(scanner: Scanner, nesting: number): NameTree<Path> {
  if (scanner.peek() === "/") return leaf(Path.from(scanner.elems()));
  if (scanner.take("!")) return Fail;
  if (scanner.take("~")) return Neg;
  if (scanner.take("$")) return Empty;
  if (scanner.peek() !== "(") throw scanner.error("a path, '(', '!', '~', '$' or a weight");
  if (nesting === maxNesting) throw scanner.error(`at most ${maxNesting} nested parentheses`);
  scanner.take("(");
  const tree = scanAlt(scanner, nesting + 1);
  scanner.expect(")");
  return tree;
}

/**
 * The text of a tree: what `readTree` makes the same tree of, weights to the last bit.
 *
 * Shape: an `alt` or `union` of one is shown as that one, of none as `~`: neither can be written. Errors: RangeError
 * for a weight that is negative or not finite.
 */
export function showTree(tree: NameTree<Path>): string {
  return showWith(tree, (path) => path.show);
}

/** The same over any leaves that have a text. */
export function showWith<T>(tree: NameTree<T>, show: (value: T) => string): string {
  switch (tree.kind) {
    case "leaf":
      return show(tree.value);
    case "neg":
      return "~";
    case "fail":
      return "!";
    case "empty":
      return "$";
    case "alt": {
      const [only] = tree.trees;
      if (only === undefined) return "~";
      if (tree.trees.length === 1) return showWith(only, show);
      return tree.trees.map((each) => showSimple(each, show)).join(" | ");
    }
    case "union": {
      const [only] = tree.trees;
      if (only === undefined) return "~";
      if (tree.trees.length === 1) return showWith(only.tree, show);
      return tree.trees
        .map((each) => `${each.weight === 1 ? "" : `${showWeight(each.weight)}*`}${showSimple(each.tree, show)}`)
        .join(" & ");
    }
  }
}

function showSimple<T>(tree: NameTree<T>, show: (value: T) => string): string {
  if (tree.kind === "alt" && tree.trees.length === 1) return showSimple(tree.trees[0] as NameTree<T>, show);
  if (tree.kind === "union" && tree.trees.length === 1) return showSimple((tree.trees[0] as Weighted<T>).tree, show);
  const shown = showWith(tree, show);
  return (tree.kind === "alt" || tree.kind === "union") && tree.trees.length > 1 ? `(${shown})` : shown;
}

/** The shortest decimal that reads back as the same number; the grammar has no exponents. */
export function showWeight(weight: number): string {
  if (!(weight >= 0) || weight === Number.POSITIVE_INFINITY) {
    throw new RangeError(`a weight is a finite number of at least 0, not ${weight}`);
  }
  const [digits = "", exponent] = String(weight).split("e");
  if (exponent === undefined) return digits;
  const shift = Number(exponent);
  const [whole = "", fraction = ""] = digits.split(".");
  if (shift < 0) return `0.${"0".repeat(-shift - whole.length)}${whole}${fraction}`;
  return `${whole}${fraction.padEnd(shift, "0")}`;
}
