import { alt, Empty, Fail, leaf, type NameTree, Neg, union } from "@weftmesh/naming";
import fc from "fast-check";

/** The edges among them: nothing, a number with no short decimal, one far below and one far above the rest. */
export const arbWeight: fc.Arbitrary<number> = fc.constantFrom(0, 0.1, 0.5, 1, 1.005, 1e-9, 1e9);

export interface ArbNameTreeOptions {
  /** Levels below the root; 5 if not given. */
  readonly maxDepth?: number;
  /** Branches of an alternative or a union, 0 and 1 among them; 4 if not given. */
  readonly maxWidth?: number;
}

/** Trees over the leaves that are given, also those that no parser makes: an `alt` or `union` of one branch or none. */
export function arbNameTree<T>(leaves: fc.Arbitrary<T>, options?: ArbNameTreeOptions): fc.Arbitrary<NameTree<T>> {
  const maxLength = options?.maxWidth ?? 4;
  const depthIdentifier = fc.createDepthIdentifier();
  const { tree } = fc.letrec<{ tree: NameTree<T> }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: options?.maxDepth ?? 5, depthIdentifier, withCrossShrink: true },
      { weight: 6, arbitrary: leaves.map(leaf) },
      { weight: 2, arbitrary: fc.constant<NameTree<T>>(Neg) },
      { weight: 1, arbitrary: fc.constant<NameTree<T>>(Fail) },
      { weight: 1, arbitrary: fc.constant<NameTree<T>>(Empty) },
      { weight: 3, arbitrary: fc.array(tie("tree"), { maxLength, depthIdentifier }).map((trees) => alt(...trees)) },
      {
        weight: 3,
        arbitrary: fc
          .array(fc.record({ weight: arbWeight, tree: tie("tree") }, { noNullPrototype: true }), {
            maxLength,
            depthIdentifier,
          })
          .map((trees) => union(...trees)),
      },
    ),
  }));
  return tree;
}
