import type { NameTree } from "./name-tree.ts";
import type { Path } from "./path.ts";

/** One rule: names with this prefix become the tree, with the rest of the name behind each leaf. */
export interface Dentry {
  /** Elements; `undefined` is the wildcard, which stands for exactly one. */
  readonly prefix: readonly (string | undefined)[];
  readonly dst: NameTree<Path>;
}

/** A delegation table: an ordered list of rules of which the later ones are asked first. */
export class Dtab {
  static readonly empty: Dtab = new Dtab([]);
  readonly entries: readonly Dentry[];

  constructor(entries: readonly Dentry[]) {
    this.entries = entries;
  }
}
