/** A branch of a union and its share. */
export interface Weighted<T> {
  readonly weight: number;
  readonly tree: NameTree<T>;
}

/** Where a name may lead. */
export type NameTree<T> =
  | { readonly kind: "leaf"; readonly value: T }
  /** The first that is not negative. */
  | { readonly kind: "alt"; readonly trees: readonly NameTree<T>[] }
  /** All of them, in proportion to their weights. */
  | { readonly kind: "union"; readonly trees: readonly Weighted<T>[] }
  /** Not here: try the next. */
  | { readonly kind: "neg" }
  /** Not here, and do not look further. */
  | { readonly kind: "fail" }
  /** Here, with nobody behind it. */
  | { readonly kind: "empty" };

export const Neg: NameTree<never> = { kind: "neg" };
export const Fail: NameTree<never> = { kind: "fail" };
export const Empty: NameTree<never> = { kind: "empty" };

export function leaf<T>(value: T): NameTree<T> {
  return { kind: "leaf", value };
}

export function alt<T>(...trees: readonly NameTree<T>[]): NameTree<T> {
  return { kind: "alt", trees };
}

export function union<T>(...trees: readonly Weighted<T>[]): NameTree<T> {
  return { kind: "union", trees };
}

/** The same tree over other leaves. */
export function mapTree<T, U>(tree: NameTree<T>, f: (value: T) => U): NameTree<U> {
  switch (tree.kind) {
    case "leaf":
      return leaf(f(tree.value));
    case "alt":
      return { kind: "alt", trees: tree.trees.map((each) => mapTree(each, f)) };
    case "union":
      return { kind: "union", trees: tree.trees.map(({ weight, tree: each }) => ({ weight, tree: mapTree(each, f) })) };
    default:
      return tree;
  }
}

/** What a tree comes to: the values that it leads to, which may be none, or that it leads nowhere. */
export type TreeValue<T> = ReadonlySet<T> | "neg" | "fail";

/** The values of a tree; weights do not matter to it. */
export function evalTree<T>(tree: NameTree<T>): TreeValue<T> {
  switch (tree.kind) {
    case "leaf":
      return new Set([tree.value]);
    case "empty":
      return new Set();
    case "neg":
    case "fail":
      return tree.kind;
    case "alt": {
      for (const each of tree.trees) {
        const value = evalTree(each);
        if (value !== "neg") return value;
      }
      return "neg";
    }
    case "union": {
      const [only] = tree.trees;
      if (only !== undefined && tree.trees.length === 1) return evalTree(only.tree);
      const values = tree.trees.map((each) => evalTree(each.tree)).filter((each) => typeof each === "object");
      return values.length === 0 ? "neg" : new Set(values.flatMap((each) => [...each]));
    }
  }
}

/**
 * The smallest tree with the same values: no negative branches, no `alt` or `union` of fewer than two.
 *
 * A union of one branch is as that branch, so `Union(Fail)` is Fail; of several that all fail nothing is left: Neg.
 */
export function simplifyTree<T>(tree: NameTree<T>): NameTree<T> {
  if (tree.kind === "alt") return simplifyAlt(tree.trees);
  if (tree.kind === "union") {
    return joinUnion(tree.trees.map(({ weight, tree: each }) => ({ weight, tree: simplifyTree(each) })));
  }
  return tree;
}

function simplifyAlt<T>(trees: readonly NameTree<T>[]): NameTree<T> {
  const kept: NameTree<T>[] = [];
  for (const each of trees) {
    const simple = simplifyTree(each);
    if (simple.kind === "neg") continue;
    kept.push(simple);
    // Nobody looks beyond a Fail.
    if (simple.kind === "fail") break;
  }
  return kept.length === 0 ? Neg : kept.length === 1 ? (kept[0] as NameTree<T>) : { kind: "alt", trees: kept };
}

/** The union of branches that are simple already, simplified. */
export function joinUnion<T>(trees: readonly Weighted<T>[]): NameTree<T> {
  const [first] = trees;
  if (first !== undefined && trees.length === 1) return first.tree;
  const kept = trees.filter(({ tree }) => tree.kind !== "neg" && tree.kind !== "fail");
  return kept.length === 0 ? Neg : kept.length === 1 ? (kept[0] as Weighted<T>).tree : { kind: "union", trees: kept };
}

/** Whether two trees have the same shape, weights and, by `same`, leaves. */
export function sameTree<T>(a: NameTree<T>, b: NameTree<T>, same: (a: T, b: T) => boolean): boolean {
  if (a === b) return true;
  if (a.kind === "leaf") return b.kind === "leaf" && same(a.value, b.value);
  if (a.kind === "alt") {
    return (
      b.kind === "alt" &&
      a.trees.length === b.trees.length &&
      a.trees.every((each, i) => sameTree(each, b.trees[i] as NameTree<T>, same))
    );
  }
  if (a.kind === "union") {
    return (
      b.kind === "union" &&
      a.trees.length === b.trees.length &&
      a.trees.every((each, i) => {
        const other = b.trees[i] as Weighted<T>;
        return each.weight === other.weight && sameTree(each.tree, other.tree, same);
      })
    );
  }
  return a.kind === b.kind;
}
