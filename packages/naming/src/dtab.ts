import { type Dentry, prefixMatches, scanDentry, showDentry } from "./dentry.ts";
import { DtabIndex } from "./dtab-index.ts";
import { Fail, mapTree, type NameTree, Neg } from "./name-tree.ts";
import type { OverrideLimits } from "./override-limits.ts";
import type { Path } from "./path.ts";
import { Scanner } from "./scanner.ts";

/** Up to so many rules, going through them is quicker than building an index. */
const maxScanned = 8;
/** Up to so many rules, a concatenation is made anew; longer ones share their parts and the indexes of these. */
const maxMerged = 64;

/**
 * A delegation table: an ordered list of rules of which the later ones are asked first.
 *
 * Shape: immutable. The index is built at the first lookup, and a concatenation uses those of its parts: a few rules
 * of a request added to a large table cost nothing but themselves.
 * Cost: a lookup takes microseconds, whatever the number of rules.
 */
export class Dtab {
  static readonly empty: Dtab = new Dtab([]);
  /** `/=>!`: nothing leads anywhere. */
  static readonly fail: Dtab = new Dtab([{ prefix: [], dst: Fail }]);
  readonly length: number;
  #parts: readonly Dtab[] | undefined;
  #entries: readonly Dentry[] | undefined;
  #index: DtabIndex | undefined;
  #show: string | undefined;

  constructor(entries: readonly Dentry[]) {
    this.#entries = entries;
    this.length = entries.length;
  }

  /**
   * Reads the text form: `/svc => /#/io.l5d.fs; /svc/web => /a | /b;`, with `#` comments where blanks may stand.
   *
   * Errors: `WEFT_NAME_SYNTAX` with the position.
   */
  static read(text: string): Dtab {
    const scanner = new Scanner(text);
    const entries: Dentry[] = [];
    scanner.skipBlanks();
    while (!scanner.ended) {
      entries.push(scanDentry(scanner));
      if (!scanner.take(";")) break;
      scanner.skipBlanks();
    }
    scanner.expectEnd("';', '|', '&' or the end");
    return entries.length === 0 ? Dtab.empty : new Dtab(entries);
  }

  get entries(): readonly Dentry[] {
    this.#entries ??= this.#parts?.flatMap((part) => part.entries) ?? [];
    return this.#entries;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Both together; the rules of `other` are asked first. */
  concat(other: Dtab): Dtab {
    if (other.isEmpty) return this;
    if (this.isEmpty) return other;
    if (this.length + other.length <= maxMerged) return new Dtab([...this.entries, ...other.entries]);
    const parts = [...(this.#parts ?? [this])];
    for (const part of other.#parts ?? [other]) {
      const last = parts.at(-1);
      if (last !== undefined && last.length + part.length <= maxMerged) parts[parts.length - 1] = last.concat(part);
      else parts.push(part);
    }
    const joined = new Dtab([]);
    joined.#join(parts);
    return joined;
  }

  /** The same rules, as those of a request, which may only lead so far. */
  within(limits: OverrideLimits): Dtab {
    return new Dtab(this.entries.map((each) => ({ ...each, limits })));
  }

  /** The rules whose prefix a name has, the last one first. */
  matches(path: Path): readonly Dentry[] {
    if (this.#parts === undefined) return this.#find(path.elems);
    const found: Dentry[] = [];
    for (let i = this.#parts.length - 1; i >= 0; i--) {
      for (const each of (this.#parts[i] as Dtab).#find(path.elems)) found.push(each);
    }
    return found;
  }

  /** Where a name leads: the tree of its rule, or of several as alternatives, the last one first; Neg without any. */
  lookup(path: Path): NameTree<Path> {
    const trees = this.matches(path).map(({ prefix, dst }) => {
      const rest = path.drop(prefix.length);
      return rest.isEmpty ? dst : mapTree(dst, (each) => each.concat(rest));
    });
    return trees.length === 0 ? Neg : trees.length === 1 ? (trees[0] as NameTree<Path>) : { kind: "alt", trees };
  }

  /** What follows the rules that this table and `common` both begin with. */
  stripPrefix(common: Dtab): Dtab {
    const { entries } = this;
    const shared = common.entries.findIndex(
      (each, i) => i >= entries.length || showDentry(each) !== showDentry(entries[i] as Dentry),
    );
    const n = shared === -1 ? common.length : shared;
    return n === 0 ? this : n >= this.length ? Dtab.empty : new Dtab(entries.slice(n));
  }

  /** One line: `prefix=>tree` joined with `;`. What `read` makes the same table of. */
  get show(): string {
    this.#show ??= this.entries.map((each) => showDentry(each)).join(";");
    return this.#show;
  }

  /** One rule for people: `prefix => tree`. */
  showEntry(index: number): string {
    const entry = this.entries[index];
    if (entry === undefined) throw new RangeError(`there is no rule ${index} among ${this.length}`);
    return showDentry(entry, " => ");
  }

  /** All of them for people: a line each, the arrows below each other. */
  get pretty(): string {
    const shown = this.entries.map((each) => showDentry(each, "\n").split("\n") as [string, string]);
    const width = Math.min(
      maxAligned,
      shown.reduce((most, [prefix]) => Math.max(most, prefix.length), 0),
    );
    return shown.map(([prefix, dst]) => `${prefix.padEnd(width)} => ${dst} ;\n`).join("");
  }

  toString(): string {
    return this.show;
  }

  toJSON(): string {
    return this.show;
  }

  #join(parts: readonly Dtab[]): void {
    this.#parts = parts;
    this.#entries = undefined;
    (this as { length: number }).length = parts.reduce((sum, part) => sum + part.length, 0);
  }

  /** In a table that is no concatenation. */
  #find(elems: readonly string[]): readonly Dentry[] {
    const { entries } = this;
    if (entries.length > maxScanned) {
      this.#index ??= new DtabIndex(entries);
      return this.#index.find(elems).map((number) => entries[number] as Dentry);
    }
    const found: Dentry[] = [];
    for (let i = entries.length - 1; i >= 0; i--) {
      const entry = entries[i] as Dentry;
      if (prefixMatches(entry.prefix, elems)) found.push(entry);
    }
    return found;
  }
}

/** One prefix of a thousand characters must not indent all others. */
const maxAligned = 60;
