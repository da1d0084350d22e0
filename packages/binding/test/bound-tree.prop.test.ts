import { Var } from "@weftmesh/core";
import { type Bound, type NameTree, Path } from "@weftmesh/naming";
import { arbNameTree, arbPath } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundKey, branchesOf, treeKey } from "../src/bound-tree.ts";
import { someAddr } from "./world.ts";

const addr = Var.of(someAddr);

function newBound(id: Path, residual: Path): Bound {
  return { id, residual, addr };
}

const arbBound: fc.Arbitrary<Bound> = fc
  .tuple(fc.constantFrom("/#/a", "/#/b", "/#/c"), fc.constantFrom("/", "/x"))
  .map(([id, residual]) => newBound(Path.read(id), Path.read(residual)));

/** The share of each outcome, by the book. */
function shares(tree: NameTree<Bound>, share: number, into: Map<string, number>): Map<string, number> {
  const add = (key: string) => into.set(key, (into.get(key) ?? 0) + share);
  if (tree.kind === "leaf") add(boundKey(tree.value));
  else if (tree.kind === "union" && tree.trees.length > 0) {
    const sum = tree.trees.reduce((total, each) => total + each.weight, 0);
    for (const each of tree.trees) {
      shares(each.tree, share * (sum === 0 ? 1 / tree.trees.length : each.weight / sum), into);
    }
  } else if (tree.kind === "alt") {
    const negative = (each: NameTree<Bound>): boolean =>
      each.kind === "neg" || (each.kind === "alt" && each.trees.every(negative));
    const first = tree.trees.find((each) => !negative(each));
    if (first === undefined) add("nobody");
    else shares(first, share, into);
  } else add("nobody");
  return into;
}

describe("the branches of a bound tree", () => {
  it("have the shares that the weights on their way give them", () => {
    fc.assert(
      fc.property(arbNameTree(arbBound), (tree) => {
        const seen = new Map<string, number>();
        let sum = 0;
        for (const { bound, share } of branchesOf(tree)) {
          const key = bound === undefined ? "nobody" : boundKey(bound);
          seen.set(key, (seen.get(key) ?? 0) + share);
          sum += share;
        }
        expect(sum).toBeCloseTo(1, 12);
        const expected = shares(tree, 1, new Map());
        expect([...seen.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [key, share] of expected) expect(seen.get(key)).toBeCloseTo(share, 12);
      }),
      { numRuns: 500 },
    );
  });
});

describe("the key of a bound tree", () => {
  it("is shared only by trees that route alike", () => {
    const routes = (tree: NameTree<Bound>): string =>
      JSON.stringify(branchesOf(tree).map(({ bound, share }) => [bound === undefined ? null : boundKey(bound), share]));
    const arbTrees = fc.array(arbNameTree(arbBound, { maxDepth: 2, maxWidth: 3 }), {
      minLength: 2,
      maxLength: 20,
      size: "max",
    });
    fc.assert(
      fc.property(arbTrees, (trees) => {
        const byKey = new Map<string, string>();
        for (const tree of trees) {
          const key = treeKey(tree);
          expect(byKey.get(key) ?? routes(tree)).toBe(routes(tree));
          byKey.set(key, routes(tree));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("tells an id and a residual apart from any other division of the same name", () => {
    fc.assert(
      fc.property(arbPath(), fc.nat(6), fc.nat(6), (path, i, j) => {
        const at = (n: number) => boundKey(newBound(path.take(n), path.drop(n)));
        if (path.take(i).equals(path.take(j))) expect(at(i)).toBe(at(j));
        else expect(at(i)).not.toBe(at(j));
      }),
    );
  });
});
