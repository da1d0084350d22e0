import type { Activity } from "@weftmesh/core";
import type { Bound } from "./bound.ts";
import type { DelegateTree } from "./delegate-tree.ts";
import type { Dtab } from "./dtab.ts";
import type { NameTree } from "./name-tree.ts";
import type { Path } from "./path.ts";

/**
 * Answers for the names below its prefix. Conformance: `describeNamer` in testkit.
 *
 * `lookup` gets the path *without* the prefix and returns at once; a `Path` in a leaf is bound further, a `Bound` is
 * the end. The work of watching starts when the activity is observed and ends when nobody observes it any more.
 */
export interface Namer {
  lookup(path: Path): Activity<NameTree<Path | Bound>>;
}

/** A namer in its place: it answers names under `/#` and the prefix. */
export interface PrefixedNamer {
  readonly prefix: Path;
  readonly namer: Namer;
  /** Every name it could answer now, for those that can tell. */
  enumerate?(): Activity<readonly Path[]>;
  /** What it shows of its state on the admin server. */
  readonly adminHandlers?: readonly StatePage[];
}

/** One page of the admin server, rendered for each GET. */
export interface StatePage {
  readonly path: string;
  readonly contentType: string;
  render(query: URLSearchParams): string | Promise<string>;
}

/** From a logical name to bound ones. The tree it gives has no alternatives left, and is simplified. */
export interface Interpreter {
  /** True for one that keeps to the limits of the delegations that have any: `Dtab.within`. */
  readonly honoursLimits?: boolean;
  bind(dtab: Dtab, path: Path): Activity<NameTree<Bound>>;
}

/** Explains how a name is bound. An interpreter that can tell implements this as well. */
export interface Delegator {
  /** Pending until every branch has an answer; branches that fail are `exception` nodes. */
  delegate(dtab: Dtab, path: Path): Activity<DelegateTree>;
}
