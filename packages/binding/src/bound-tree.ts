import type { Bound, NameTree } from "@weftmesh/naming";
import { sharesOf } from "./weighted-pick.ts";

/** One outcome of a bound tree: a name, or nobody (`undefined`), and how often it is to be picked. */
export interface Branch {
  readonly bound: Bound | undefined;
  readonly share: number;
}

/** One text per bound name and residual; neither can hold a space. */
export function boundKey(bound: Bound): string {
  return bound.residual.isEmpty ? bound.id.show : `${bound.id.show} ${bound.residual.show}`;
}

/** Text that two trees share only when they route alike: every branch in parentheses, and weights in full. */
export function treeKey(tree: NameTree<Bound>): string {
  switch (tree.kind) {
    case "leaf":
      return boundKey(tree.value);
    case "alt":
      return `(${tree.trees.map(treeKey).join(" | ")})`;
    case "union":
      return `(${tree.trees.map((each) => `${each.weight} * ${treeKey(each.tree)}`).join(" & ")})`;
    case "neg":
      return "~";
    case "fail":
      return "!";
    case "empty":
      return "$";
  }
}

/**
 * The outcomes of a tree, with shares that add up to 1.
 *
 * Branches with nobody behind them keep their share, and their requests fail. An interpreter leaves no alternatives in
 * a tree; from one that does, the first that leads anywhere counts.
 */
export function branchesOf(tree: NameTree<Bound>): readonly Branch[] {
  const branches: Branch[] = [];
  collect(tree, 1, branches);
  return branches;
}

function collect(tree: NameTree<Bound>, share: number, into: Branch[]): void {
  if (tree.kind === "leaf") into.push({ bound: tree.value, share });
  else if (tree.kind === "union" && tree.trees.length > 0) {
    const shares = sharesOf(tree.trees.map((each) => each.weight));
    for (const [i, each] of tree.trees.entries()) collect(each.tree, share * (shares[i] as number), into);
  } else if (tree.kind === "alt") {
    const first = tree.trees.find((each) => !isNegative(each));
    if (first === undefined) into.push({ bound: undefined, share });
    else collect(first, share, into);
  } else into.push({ bound: undefined, share });
}

function isNegative(tree: NameTree<Bound>): boolean {
  if (tree.kind === "alt") return tree.trees.every(isNegative);
  return tree.kind === "neg";
}
