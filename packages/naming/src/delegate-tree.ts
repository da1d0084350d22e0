import type { Bound } from "./bound.ts";
import type { Dentry } from "./dentry.ts";
import type { Path } from "./path.ts";

export interface WeightedDelegate {
  readonly weight: number;
  readonly tree: DelegateTree;
}

interface At {
  /** The name at this point. */
  readonly path: Path;
  /** The rule that led here; none at the root. */
  readonly dentry: Dentry | undefined;
}

/**
 * How a name is bound, step by step: unlike the bound tree it has the branches that were not taken as well.
 *
 * Source: linkerd1.md 5.3, whose names for the nodes these are.
 */
export type DelegateTree =
  | (At & { readonly kind: "empty" })
  | (At & { readonly kind: "fail" })
  | (At & { readonly kind: "neg" })
  | (At & { readonly kind: "exception"; readonly error: Error })
  /** The name became another one. */
  | (At & { readonly kind: "delegate"; readonly tree: DelegateTree })
  | (At & { readonly kind: "leaf"; readonly bound: Bound })
  | (At & { readonly kind: "alt"; readonly trees: readonly DelegateTree[] })
  | (At & { readonly kind: "union"; readonly trees: readonly WeightedDelegate[] })
  /** A transformer, called `name`, changed the bound name. */
  | {
      readonly kind: "transformation";
      readonly path: Path;
      readonly name: string;
      readonly bound: Bound;
      readonly tree: DelegateTree;
    };

/**
 * The same in fewer nodes: an `alt` or `union` of one is a `delegate`, of none a `neg`; alternatives within those of
 * the same name are joined to them; a step that does not change the name is left out, unless it ends there.
 */
export function simplifyDelegation(tree: DelegateTree): DelegateTree {
  switch (tree.kind) {
    case "delegate": {
      const inner = simplifyDelegation(tree.tree);
      const ends = inner.kind === "neg" || inner.kind === "fail" || inner.kind === "empty";
      if (ends || !inner.path.equals(tree.path)) return { ...tree, tree: inner };
      return inner.kind === "transformation" ? inner : { ...inner, dentry: tree.dentry };
    }
    case "alt": {
      const { path, dentry, trees } = tree;
      const [only] = trees;
      if (only === undefined) return { kind: "neg", path, dentry };
      if (trees.length === 1) return simplifyDelegation({ kind: "delegate", path, dentry, tree: only });
      const joined: DelegateTree[] = [];
      for (const each of trees) {
        const simple = simplifyDelegation(each);
        if (simple.kind !== "alt" || !simple.path.equals(path)) joined.push(simple);
        else for (const inner of simple.trees) joined.push(inner);
      }
      return { kind: "alt", path, dentry, trees: joined };
    }
    case "union": {
      const { path, dentry, trees } = tree;
      const [only] = trees;
      if (only === undefined) return { kind: "neg", path, dentry };
      if (trees.length === 1) return simplifyDelegation({ kind: "delegate", path, dentry, tree: only.tree });
      return { ...tree, trees: trees.map((each) => ({ ...each, tree: simplifyDelegation(each.tree) })) };
    }
    default:
      return tree;
  }
}
