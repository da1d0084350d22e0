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
  it("has one way to write each path: two texts that it accepts are the same path only when they are the same text", () => {
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join("")}`);
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [pathA, pathB] = [canonicalPath(a), canonicalPath(b)];
        if (pathA === undefined || pathA !== pathB) return;
        // Upper and lower case of a digit in an escape, and what must be escaped in a target but need not be here.
        const spelled = (each: string): string => encodeURI(decodeURIComponent(each));
        expect(spelled(a)).toBe(spelled(b));
        expect(/%(?:2[defDEF]|[467]1)/.test(a)).toBe(false);
      }),
      { numRuns: 2_000 },
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
