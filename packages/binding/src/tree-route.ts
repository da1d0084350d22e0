import { bestOf, type Rng, type Status } from "@weftmesh/core";
import type { Bound, NameTree } from "@weftmesh/naming";
import type { BoundStack } from "./bound-stack.ts";
import { boundKey, branchesOf } from "./bound-tree.ts";
import type { IdleCache, IdleEntry } from "./idle-cache.ts";
import { WeightedPick } from "./weighted-pick.ts";

export type BoundCache<Req, Rep> = IdleCache<Bound, BoundStack<Req, Rep>>;

/** A bound name in a tree, and the last stack that was seen for it. */
export class TreeLeaf<Req, Rep> {
  readonly bound: Bound;
  readonly #key: string;
  readonly #cache: BoundCache<Req, Rep>;
  /** The stack that was seen last; ask whether it is live. */
  kept: IdleEntry<BoundStack<Req, Rep>> | undefined = undefined;

  constructor(bound: Bound, cache: BoundCache<Req, Rep>) {
    this.bound = bound;
    this.#key = boundKey(bound);
    this.#cache = cache;
  }

  /** To be used at once. */
  stack(): IdleEntry<BoundStack<Req, Rep>> {
    if (this.kept?.live) return this.kept;
    const entry = this.#cache.get(this.#key, this.bound);
    this.kept = entry.live ? entry : undefined;
    return entry;
  }

  get status(): Status {
    return this.kept?.live ? this.kept.value.service.status : "open";
  }
}

/** A bound tree, ready to be asked for a leaf. */
export class TreeRoute<Req, Rep> {
  readonly #leaves: readonly (TreeLeaf<Req, Rep> | undefined)[];
  readonly #pick: WeightedPick | undefined;
  readonly #rng: Rng;

  constructor(tree: NameTree<Bound>, cache: BoundCache<Req, Rep>, rng: Rng) {
    const branches = branchesOf(tree);
    this.#leaves = branches.map(({ bound }) => (bound === undefined ? undefined : new TreeLeaf(bound, cache)));
    this.#pick = branches.length === 1 ? undefined : new WeightedPick(branches.map(({ share }) => share));
    this.#rng = rng;
  }

  /** `undefined` when there is nobody, or the share of a branch with nobody came up. */
  choose(): TreeLeaf<Req, Rep> | undefined {
    return this.#pick === undefined ? this.#leaves[0] : this.#leaves[this.#pick.pick(this.#rng)];
  }

  /** As good as its best leaf: a bad branch is the caller's bad luck, not the end of the others. */
  get status(): Status {
    const leaves = this.#leaves.filter((leaf) => leaf !== undefined);
    return leaves.length === 0 ? "busy" : bestOf(leaves.map((leaf) => leaf.status));
  }
}
