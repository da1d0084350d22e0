import { Activity, asError } from "@weftmesh/core";
import type { Bound } from "../bound.ts";
import { leaf, type NameTree, Neg } from "../name-tree.ts";
import type { Namer } from "../namer.ts";
import type { Path } from "../path.ts";

const neg: Activity<NameTree<Path | Bound>> = Activity.of<NameTree<Path | Bound>>(Neg);

/** A namer that turns one name into another, or says no to it (`undefined`). What `rewrite` throws is its failure. */
export function rewriting(rewrite: (path: Path) => Path | undefined): Namer {
  return {
    lookup: (path) => {
      try {
        const rewritten = rewrite(path);
        return rewritten === undefined ? neg : Activity.of<NameTree<Path | Bound>>(leaf(rewritten));
      } catch (thrown) {
        return Activity.failed(asError(thrown));
      }
    },
  };
}
