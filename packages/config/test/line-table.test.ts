import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineTable } from "../src/line-table.ts";

describe("LineTable", () => {
  it("counts lines and columns from 1, for every kind of line end", () => {
    const table = new LineTable("ab\ncd\r\ne\rf");
    expect([0, 2, 3, 5, 6, 7, 9, 10, 99].map((offset) => table.at(offset))).toEqual([
      { line: 1, column: 1 },
      { line: 1, column: 3 },
      { line: 2, column: 1 },
      { line: 2, column: 3 },
      { line: 2, column: 4 },
      { line: 3, column: 1 },
      { line: 4, column: 1 },
      { line: 4, column: 2 },
      { line: 4, column: 2 },
    ]);
    expect(table.line(2)).toEqual([3, 5]);
  });

  it("finds the line that splitting the text gives, for every text and offset", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "\n", "\r\n", "bc"), { maxLength: 30 }),
        fc.nat(40),
        (parts, offset) => {
          const text = parts.join("");
          const before = text.slice(0, Math.min(offset, text.length)).split("\n");
          const at = new LineTable(text).at(offset);
          expect(at).toEqual({ line: before.length, column: (before.at(-1)?.length ?? 0) + 1 });
        },
      ),
    );
  });
});
