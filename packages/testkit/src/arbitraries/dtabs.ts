import { type Dentry, Dtab, Path } from "@weftmesh/naming";
import fc from "fast-check";
import { arbNameTree } from "./name-trees.ts";

/** Few letters, so that rules really meet; the last of them is never rewritten by an acyclic dtab. */
const letters = ["a", "b", "c", "d", "e"] as const;
const arbElem: fc.Arbitrary<string> = fc.constantFrom(...letters);
const wildElem: fc.Arbitrary<string | undefined> = fc.option(arbElem, { nil: undefined, freq: 3 });

/** Names that the dtabs here may rewrite. */
export const arbDtabName: fc.Arbitrary<Path> = fc
  .array(arbElem, { minLength: 1, maxLength: 5 })
  .map((elems) => Path.of(...elems));

export interface ArbDtabOptions {
  /**
   * `acyclic`: every rule leads to later letters, so binding ends. `cyclic`: it leads anywhere, and to a rule's own
   * prefix more often than not.
   */
  readonly shape: "acyclic" | "cyclic";
  /** Rules; 12 if not given. */
  readonly maxEntries?: number;
}

/** Delegation tables over a handful of letters and the wildcard. */
export function arbDtab(options: ArbDtabOptions): fc.Arbitrary<Dtab> {
  const entry = options.shape === "acyclic" ? acyclicEntry : cyclicEntry;
  return fc.array(entry, { maxLength: options.maxEntries ?? 12 }).map((entries) => new Dtab(entries));
}

const acyclicEntry: fc.Arbitrary<Dentry> = fc.integer({ min: 0, max: letters.length - 2 }).chain((first) =>
  fc.record({
    // No wildcard in front: it would match later letters as well.
    prefix: fc.array(wildElem, { maxLength: 2 }).map((rest) => [letters[first], ...rest]),
    dst: arbNameTree(pathFrom(fc.constantFrom(...letters.slice(first + 1))), { maxDepth: 2, maxWidth: 3 }),
  }),
);

const cyclicEntry: fc.Arbitrary<Dentry> = fc.record({
  prefix: fc.array(wildElem, { maxLength: 3 }),
  dst: arbNameTree(pathFrom(arbElem), { maxDepth: 2, maxWidth: 3 }),
});

function pathFrom(first: fc.Arbitrary<string>): fc.Arbitrary<Path> {
  return fc.tuple(first, fc.array(arbElem, { maxLength: 2 })).map(([head, rest]) => Path.of(head, ...rest));
}
