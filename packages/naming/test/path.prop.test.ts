import { arbPath } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Dtab, Path, PathMatcher, PathSyntaxError, readTree } from "../src/index.ts";

/** Texts that look like names more often than not. */
export const arbNameText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."/ab*.:#$%-;|&!~()=> \t\n\\x2f019{}_?é\u0000"), maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
);

describe("Path", () => {
  it("reads what it shows, for any bytes", () => {
    fc.assert(
      fc.property(arbPath(), (path) => {
        expect(Path.read(path.show).elems).toEqual(path.elems);
        expect(path.show).toMatch(/^(?:\/|(?:\/(?:[0-9A-Za-z_:.#$%-]|\\x[0-9a-f]{2})+)+)$/);
      }),
    );
  });

  it("shows equal paths equally and different ones differently", () => {
    fc.assert(
      fc.property(arbPath(), arbPath(), (a, b) => {
        expect(a.equals(b)).toBe(a.show === b.show);
        expect(a.equals(Path.from([...a.elems]))).toBe(true);
      }),
    );
  });

  it("falls into what is taken and what is dropped, anywhere", () => {
    fc.assert(
      fc.property(arbPath(), fc.integer({ min: -2, max: 9 }), (path, n) => {
        expect(path.take(n).concat(path.drop(n)).elems).toEqual(path.elems);
        expect(path.take(n).size).toBe(Math.max(0, Math.min(n, path.size)));
        expect(path.startsWith(path.take(n))).toBe(true);
      }),
    );
  });

  it("starts with what it was put behind, and with nothing else", () => {
    fc.assert(
      fc.property(arbPath(), arbPath(), (a, b) => {
        expect(a.concat(b).startsWith(a)).toBe(true);
        expect(a.startsWith(b)).toBe(a.take(b.size).show === b.show);
      }),
    );
  });

  it.each([
    ["Path.read", Path.read],
    ["readTree", readTree],
    ["Dtab.read", Dtab.read],
    ["PathMatcher.read", PathMatcher.read],
  ])("%s gives a value or an error with a position in the text, for any text", (_name, read) => {
    fc.assert(
      fc.property(arbNameText, (text) => {
        try {
          read(text);
        } catch (error) {
          if (!(error instanceof PathSyntaxError)) throw error;
          expect(error.at).toBeGreaterThanOrEqual(0);
          expect(error.at).toBeLessThanOrEqual(text.length);
          expect(error.line).toBe(text.slice(0, error.at).split("\n").length);
          expect(error.column).toBe((text.slice(0, error.at).split("\n").at(-1) as string).length + 1);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
