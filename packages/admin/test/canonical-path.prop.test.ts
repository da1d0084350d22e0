import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalPath } from "../src/canonical-path.ts";

const piece = fc.constantFrom(
  "/",
  "//",
  ".",
  "..",
  "%",
  "%2e",
  "%2F",
  "%61",
  "%00",
  "%25",
  "%5c",
  "\\",
  "a",
  "A",
  "é",
  "%C3%A9",
  "#",
  "%23",
  " ",
  "%20",
  "admin",
);

describe("canonicalPath", () => {
  it("has one way to write each path: nothing hides behind an escape that it has no need of", () => {
    const plain = fc.constantFrom(..."abcxyzABCXYZ0189-._~/");
    const arbPath = fc.array(plain, { minLength: 1, maxLength: 12 }).map((chars) => `/${chars.join("")}`);
    fc.assert(
      fc.property(arbPath, fc.nat(), fc.boolean(), (path, at, upper) => {
        const i = at % path.length;
        const hex = path.charCodeAt(i).toString(16);
        const escaped = `${path.slice(0, i)}%${upper ? hex.toUpperCase() : hex}${path.slice(i + 1)}`;
        expect(canonicalPath(escaped)).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });

  it("never gives a path with an empty, a `.` or a `..` segment, a backslash or a control character", () => {
    const text = fc.oneof(
      fc.array(piece, { maxLength: 10 }).map((pieces) => `/${pieces.join("")}`),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (each) => {
        const path = canonicalPath(each);
        if (path === undefined) return;
        const segments = path.slice(1).split("/");
        expect(path.startsWith("/")).toBe(true);
        expect(segments.slice(0, -1)).not.toContain("");
        for (const segment of segments) expect([".", ".."]).not.toContain(segment);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may come through
        expect(path).not.toMatch(/[\\\u0000-\u001f\u007f]/);
      }),
      { numRuns: 2_000 },
    );
  });

  it("accepts the paths there are", () => {
    for (const path of ["/", "/admin/ping", "/namer_state/io.l5d.fs.json", "/files/"])
      expect(canonicalPath(path)).toBe(path);
    expect(canonicalPath("/http/%23/io.l5d.fs")).toBe("/http/#/io.l5d.fs");
  });
});
