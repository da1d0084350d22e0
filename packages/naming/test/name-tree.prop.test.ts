import { arbNameTree, arbPath, arbWeight } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  alt,
  evalTree,
  Fail,
  leaf,
  mapTree,
  type NameTree,
  Neg,
  type Path,
  readTree,
  sameTree,
  showTree,
  showWeight,
  simplifyTree,
  type TreeValue,
  union,
} from "../src/index.ts";

const arbTree = arbNameTree(fc.nat(6));
const arbPathTree = arbNameTree(arbPath());

function size<T>(tree: NameTree<T>): number {
  if (tree.kind === "alt") return 1 + tree.trees.reduce((sum, each) => sum + size(each), 0);
  if (tree.kind === "union") return 1 + tree.trees.reduce((sum, each) => sum + size(each.tree), 0);
  return 1;
}

/** The same with other weights. */
function reweigh<T>(tree: NameTree<T>): NameTree<T> {
  if (tree.kind === "alt") return alt(...tree.trees.map(reweigh));
  if (tree.kind !== "union") return tree;
  return union(...tree.trees.map(({ weight, tree: each }) => ({ weight: weight + 1, tree: reweigh(each) })));
}

/** What the parser makes of it: branches that are alone stand for themselves, none at all is Neg. */
function normalise<T>(tree: NameTree<T>): NameTree<T> {
  if (tree.kind === "alt") {
    if (tree.trees.length < 2) return tree.trees[0] === undefined ? Neg : normalise(tree.trees[0]);
    return alt(...tree.trees.map(normalise));
  }
  if (tree.kind === "union") {
    if (tree.trees.length < 2) return tree.trees[0] === undefined ? Neg : normalise(tree.trees[0].tree);
    return union(...tree.trees.map(({ weight, tree: each }) => ({ weight, tree: normalise(each) })));
  }
  return tree;
}

/** The meaning of a tree by its table in the specification, written without a thought for speed. */
function oracle<T>(tree: NameTree<T>): TreeValue<T> {
  switch (tree.kind) {
    case "leaf":
      return new Set([tree.value]);
    case "empty":
      return new Set();
    case "neg":
    case "fail":
      return tree.kind;
    case "alt":
      return tree.trees.map(oracle).find((each) => each !== "neg") ?? "neg";
    case "union": {
      const values = tree.trees.map((each) => oracle(each.tree));
      if (values.length === 1) return values[0] as TreeValue<T>;
      const sets = values.filter((each): each is ReadonlySet<T> => each !== "neg" && each !== "fail");
      return sets.length === 0 ? "neg" : new Set(sets.flatMap((each) => [...each]));
    }
  }
}

function wellFormed<T>(tree: NameTree<T>): boolean {
  if (tree.kind === "alt") {
    const last = tree.trees.length - 1;
    return (
      last > 0 &&
      tree.trees.every((each, i) => each.kind !== "neg" && (each.kind !== "fail" || i === last) && wellFormed(each))
    );
  }
  if (tree.kind === "union") {
    return (
      tree.trees.length > 1 &&
      tree.trees.every(({ tree: each }) => each.kind !== "neg" && each.kind !== "fail" && wellFormed(each))
    );
  }
  return true;
}

describe("name trees", () => {
  it("mean what the specification's table says", () => {
    fc.assert(
      fc.property(arbTree, (tree) => {
        expect(evalTree(tree)).toEqual(oracle(tree));
      }),
      { numRuns: 1000 },
    );
  });

  it("mean the same when simplified, and are no larger, and nothing is left to simplify", () => {
    fc.assert(
      fc.property(arbTree, (tree) => {
        const simple = simplifyTree(tree);
        expect(evalTree(simple)).toEqual(evalTree(tree));
        expect(simplifyTree(simple)).toEqual(simple);
        expect(size(simple)).toBeLessThanOrEqual(size(tree));
        expect(wellFormed(simple)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("are a functor, and mapping goes through to the values", () => {
    const f = (n: number): number => n % 3;
    const g = (n: number): number => n + 1;
    fc.assert(
      fc.property(arbTree, (tree) => {
        expect(mapTree(tree, (each) => each)).toEqual(tree);
        expect(mapTree(mapTree(tree, f), g)).toEqual(mapTree(tree, (each) => g(f(each))));
        const value = evalTree(tree);
        expect(evalTree(mapTree(tree, f))).toEqual(typeof value === "string" ? value : new Set([...value].map(f)));
      }),
    );
  });

  it("alternatives: Neg is passed over, Fail ends it, nesting does not matter", () => {
    fc.assert(
      fc.property(arbTree, arbTree, arbTree, (a, b, c) => {
        expect(evalTree(alt(Neg, Neg, a))).toEqual(evalTree(a));
        expect(evalTree(alt(Fail, a))).toBe("fail");
        expect(evalTree(alt(alt(a, b), c))).toEqual(evalTree(alt(a, b, c)));
        expect(evalTree(alt(a, alt(b, c)))).toEqual(evalTree(alt(a, b, c)));
      }),
    );
  });

  it("unions: order and repetition do not matter to the values", () => {
    fc.assert(
      fc.property(arbTree, arbTree, arbWeight, (a, b, weight) => {
        const ab = union({ weight, tree: a }, { weight: 1, tree: b });
        expect(evalTree(ab)).toEqual(evalTree(union({ weight: 1, tree: b }, { weight, tree: a })));
        expect(evalTree(union({ weight: 1, tree: ab }, { weight: 1, tree: ab }))).toEqual(evalTree(ab));
      }),
    );
  });

  it("are the same only when shape, weights and leaves are", () => {
    fc.assert(
      fc.property(arbTree, arbTree, (a, b) => {
        expect(
          sameTree(
            a,
            mapTree(a, (each) => each),
            Object.is,
          ),
        ).toBe(true);
        expect(sameTree(a, b, Object.is)).toBe(JSON.stringify(a) === JSON.stringify(b));
        const heavier = reweigh(a);
        expect(sameTree(a, heavier, Object.is)).toBe(JSON.stringify(a) === JSON.stringify(heavier));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("the text of name trees", () => {
  it("is read back as the same tree, weights to the last bit", () => {
    fc.assert(
      fc.property(arbPathTree, (tree) => {
        const shown = showTree(tree);
        const read = readTree(shown);
        expect(sameTree<Path>(read, normalise(tree), (a, b) => a.equals(b)) || shown).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("has every weight there is as digits", () => {
    const weight = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(weight, (number) => {
        const shown = showWeight(number);
        expect(shown).toMatch(/^[0-9]+(?:\.[0-9]+)?$/);
        expect(Number(shown)).toBe(number === 0 ? 0 : number);
        expect(readTree(`${shown}*/a & /b`)).toEqual(
          union({ weight: Number(shown), tree: readTree("/a") }, { weight: 1, tree: readTree("/b") }),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it("does not mind blanks, line ends and comments between its parts", () => {
    const blank = fc.constantFrom("", " ", "\t", "\n", " # a comment; /x => |\n");
    fc.assert(
      fc.property(fc.array(blank, { minLength: 15, maxLength: 15 }), (blanks) => {
        const parts = ["(", "/a", "|", "!", ")", "&", "0.25", "*", "/b/\\x2f", "|", "~", "|", "$"];
        const text = parts.map((part, i) => `${blanks[i]}${part}`).join("") + blanks[13];
        expect(showTree(readTree(text))).toBe("((/a | !) & 0.25*/b/\\x2f) | ~ | $");
      }),
    );
  });

  it("binds `&` closer than `|`", () => {
    fc.assert(
      fc.property(arbPath(), arbPath(), arbPath(), (a, b, c) => {
        const read = readTree(`${a.show} | ${b.show} & ${c.show}`);
        const both = union({ weight: 1, tree: leaf(b) }, { weight: 1, tree: leaf(c) });
        expect(sameTree<Path>(read, alt(leaf(a), both), (x, y) => x.equals(y))).toBe(true);
      }),
    );
  });
});
