import { arbPath } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Path, PathMatcher, showElem } from "../src/index.ts";

/** Pieces of a segment: few characters, so that they repeat. */
const piece = fc.oneof(
  fc.constantFrom("{a}", "{b}", "{c.d}"),
  fc.string({ unit: fc.constantFrom("x", "y", ".", "-"), minLength: 1, maxLength: 2 }),
);
const segment = fc.oneof(
  { weight: 1, arbitrary: fc.constant("*") },
  { weight: 5, arbitrary: fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join("")) },
);
const elem = fc.string({ unit: fc.constantFrom("x", "y", ".", "-", "é"), minLength: 1, maxLength: 8 });

const capture = /\{([a-zA-Z0-9.:-_]+)\}/g;

/** What the expression says that Linkerd makes of a segment. */
function oracle(pattern: readonly string[], path: Path): Record<string, string> | undefined {
  const captures: Record<string, string> = {};
  for (const [i, each] of pattern.entries()) {
    const shown = path.elems[i];
    if (shown === undefined) return undefined;
    if (each === "*") continue;
    const names = [...each.matchAll(capture)].map((match) => match[1] as string);
    if (names.length === 0) {
      if (each !== showElem(shown)) return undefined;
      continue;
    }
    const found = new RegExp(each.replaceAll(".", "\\.").replace(/\{[a-z\\.]+\}/g, "(.*)")).exec(showElem(shown));
    if (found === null) return undefined;
    for (const [n, name] of names.entries()) captures[name] = found[n + 1] as string;
  }
  return captures;
}

describe("PathMatcher", () => {
  it("finds what the greedy expression of each segment would find", () => {
    fc.assert(
      fc.property(
        fc.array(segment, { maxLength: 3 }),
        fc.array(elem, { maxLength: 4 }).map((elems) => Path.utf8(...elems)),
        (pattern, path) => {
          const captures = PathMatcher.read(`/${pattern.join("/")}`).extract(path);
          expect(captures && { ...captures }).toEqual(oracle(pattern, path));
        },
      ),
      { numRuns: 5000 },
    );
  });

  it("matches whatever stands behind a name that it matches", () => {
    fc.assert(
      fc.property(arbPath(), arbPath(), (name, rest) => {
        const matcher = PathMatcher.read(name.show);
        expect(matcher.extract(name.concat(rest))).toEqual({});
      }),
    );
  });

  it("captures the whole of a segment, which fills a template of the same form", () => {
    fc.assert(
      fc.property(arbPath(), (path) => {
        const pattern = path.elems.map((_, i) => `/{n${i}}`).join("") || "/";
        expect(PathMatcher.read(pattern).substitute(path, pattern)).toBe(path.show);
      }),
    );
  });
});
