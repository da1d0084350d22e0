import { arbDtab, arbDtabName, arbNameTree, arbPath } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alt, type Dentry, Dtab, leaf, mapTree, type NameTree, Neg, Path, sameTree, showTree } from "../src/index.ts";

const arbRules = arbDtab({ shape: "cyclic", maxEntries: 30 });
const anyPrefix = fc.array(
  fc.option(
    arbPath({ maxSize: 1 }).map((path) => path.elems[0] ?? "x"),
    { nil: undefined },
  ),
  {
    maxLength: 4,
  },
);
const anyDtab: fc.Arbitrary<Dtab> = fc
  .array(fc.record({ prefix: anyPrefix, dst: arbNameTree(arbPath()) }), { maxLength: 12 })
  .map((entries) => new Dtab(entries));

function matches({ prefix }: Dentry, path: Path): boolean {
  return prefix.length <= path.size && prefix.every((elem, i) => elem === undefined || elem === path.elems[i]);
}

/** Lookup as the specification words it. */
function oracle(entries: readonly Dentry[], path: Path): NameTree<Path> {
  const trees = entries
    .filter((each) => matches(each, path))
    .reverse()
    .map(({ prefix, dst }) => mapTree(dst, (each) => each.concat(path.drop(prefix.length))));
  return trees.length === 0 ? Neg : trees.length === 1 ? (trees[0] as NameTree<Path>) : alt(...trees);
}

function same(a: NameTree<Path>, b: NameTree<Path>): boolean {
  return sameTree(a, b, (x, y) => x.equals(y));
}

describe("Dtab", () => {
  it("looks up what the rules say, with an index or without", () => {
    fc.assert(
      fc.property(arbRules, arbDtabName, (dtab, path) => {
        expect(same(dtab.lookup(path), oracle(dtab.entries, path)) || dtab.show).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("looks up the same by prefix and by label, where wildcards make prefixes branch too much", () => {
    // A label or a wildcard by the bits of a number, so that hundreds of prefixes match as far as they go.
    const tail = fc.constantFrom<readonly (string | undefined)[]>([], ["a"], ["b"], [undefined], ["b", "a"]);
    const rules = fc.array(tail, { minLength: 1, maxLength: 20 }).map((tails) => {
      const prefixes = Array.from({ length: 512 }, (_, i) => [
        ...Array.from({ length: 9 }, (_, bit) => ((i >> bit) & 1 ? "a" : undefined)),
        ...(tails[i % tails.length] as readonly (string | undefined)[]),
      ]);
      return new Dtab(prefixes.map((prefix, i) => ({ prefix, dst: leaf(Path.of(`r${i}`)) })));
    });
    const names = fc
      .array(fc.constantFrom("a", "a", "a", "a", "b"), { minLength: 8, maxLength: 12 })
      .map((elems) => Path.of(...elems));
    fc.assert(
      fc.property(rules, names, (dtab, path) => {
        expect(same(dtab.lookup(path), oracle(dtab.entries, path))).toBe(true);
      }),
    );
  });

  it("reads what it shows, and what it shows to people", () => {
    fc.assert(
      fc.property(anyDtab, (dtab) => {
        const read = Dtab.read(dtab.show);
        expect(read.show).toBe(dtab.show);
        expect(read.entries.map((each) => each.prefix)).toEqual(dtab.entries.map((each) => each.prefix));
        expect(Dtab.read(dtab.pretty).show).toBe(dtab.show);
      }),
      { numRuns: 500 },
    );
  });

  it("concatenated asks the right side first, in any grouping, however long the sides are", () => {
    const repeated = fc.tuple(arbRules, fc.integer({ min: 50, max: 90 })).map(([{ entries }, n]) => {
      const length = entries.length === 0 ? 0 : n;
      return new Dtab(Array.from({ length }, (_, i) => entries[i % entries.length] as Dentry));
    });
    const longer = fc.oneof(arbRules, repeated);
    fc.assert(
      fc.property(longer, longer, longer, arbDtabName, (a, b, c, path) => {
        const all = [...a.entries, ...b.entries, ...c.entries];
        const left = a.concat(b).concat(c);
        const right = a.concat(b.concat(c));
        for (const joined of [left, right]) {
          expect(joined.length).toBe(all.length);
          expect(joined.show).toBe(new Dtab(all).show);
          expect(same(joined.lookup(path), oracle(all, path))).toBe(true);
        }
        expect(a.concat(Dtab.empty).show).toBe(a.show);
        expect(Dtab.empty.concat(a).show).toBe(a.show);
      }),
      { numRuns: 300 },
    );
  });

  it("takes no notice of rules that do not match", () => {
    fc.assert(
      fc.property(arbRules, arbDtabName, (dtab, path) => {
        const relevant = new Dtab(dtab.entries.filter((each) => matches(each, path)));
        expect(same(dtab.lookup(path), relevant.lookup(path))).toBe(true);
      }),
    );
  });

  it("has wildcards that stand for exactly one element", () => {
    fc.assert(
      fc.property(arbPath(), fc.nat(6), (path, stars) => {
        const dtab = Dtab.read(`${"/*".repeat(stars) || "/"} => /hit`);
        const tree = dtab.lookup(path);
        if (path.size < stars) expect(tree).toBe(Neg);
        else expect(showTree(tree)).toBe(showTree(leaf(Path.of("hit").concat(path.drop(stars)))));
      }),
    );
  });

  it("stripped of its own beginning is its end", () => {
    fc.assert(
      fc.property(arbRules, fc.nat(30), (dtab, n) => {
        const rest = dtab.stripPrefix(new Dtab(dtab.entries.slice(0, n)));
        expect(rest.show).toBe(new Dtab(dtab.entries.slice(n)).show);
      }),
    );
  });
});
