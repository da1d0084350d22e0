import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearest } from "../src/nearest.ts";

describe("nearest", () => {
  it("finds what a typo meant, and nothing for a word that is far from all", () => {
    const known = ["client", "service", "servers", "label", "dtab"];
    expect(nearest("clinet", known)).toBe("client");
    expect(nearest("Server", known)).toBe("servers");
    expect(nearest("serivce", known)).toBe("service");
    expect(nearest("lable", known)).toBe("label");
    expect(nearest("zzz", known)).toBeUndefined();
    expect(nearest("x", known)).toBeUndefined();
    expect(nearest("DTAB", known)).toBe("dtab");
  });

  it("is cheap for words that no one typed", () => {
    expect(editDistance("a".repeat(1_000_000), "b".repeat(1_000_000), 4)).toBe(4);
  });

  it("agrees with a plain definition of the distance", () => {
    const word = fc.stringMatching(/^[abc]{0,6}$/);
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b, 99)).toBe(naive(a, b));
      }),
      { numRuns: 300 },
    );
  });
});

/** The same recurrence, written down without a table. */
function naive(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const [x, y] = [a.slice(1), b.slice(1)];
  const ways = [naive(x, b) + 1, naive(a, y) + 1, naive(x, y) + (a[0] === b[0] ? 0 : 1)];
  if (a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0]) ways.push(naive(a.slice(2), b.slice(2)) + 1);
  return Math.min(...ways);
}
