import { Activity } from "@weftmesh/core";
import type { Bound } from "../bound.ts";
import { Empty, Fail, type NameTree } from "../name-tree.ts";
import type { Namer } from "../namer.ts";
import type { Path } from "../path.ts";

function always(tree: NameTree<Path | Bound>): Namer {
  const answer = Activity.of(tree);
  return { lookup: () => answer };
}

/** `/$/nil`: somebody, with nobody behind. */
export const nil: Namer = always(Empty);
/** `/$/fail`: nobody, and nobody else is to be asked. */
export const fail: Namer = always(Fail);
