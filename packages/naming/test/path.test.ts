import { describe, expect, it } from "vitest";
import { Path, PathSyntaxError } from "../src/index.ts";

function problem(text: string): { at: number; message: string } {
  try {
    Path.read(text);
  } catch (error) {
    if (error instanceof PathSyntaxError) return { at: error.at, message: error.message };
    throw error;
  }
  throw new Error(`${text} is a path`);
}

describe("Path", () => {
  it("reads elements of plain characters and of escaped bytes, mixed", () => {
    expect(Path.read("/a/b%2e/\\x2F\\xfFc").elems).toEqual(["a", "b%2e", "/\xffc"]);
  });

  it("shows an element with one byte that cannot stand as escapes throughout, in lower case", () => {
    expect(Path.of("ok", "a/B").show).toBe("/ok/\\x61\\x2f\\x42");
  });

  it("shows and reads the empty path as a slash", () => {
    expect(Path.empty.show).toBe("/");
    expect(Path.read("/")).toBe(Path.empty);
  });

  it("does not mind blanks and comments around it, as they come with block scalars of YAML", () => {
    expect(Path.read("\n  /svc/web # the shop\n").show).toBe("/svc/web");
  });

  it("takes text that is not ASCII as its UTF-8 bytes", () => {
    expect(Path.utf8("é").show).toBe("/\\xc3\\xa9");
    expect(() => Path.of("\u2603")).toThrow(TypeError);
  });

  it.each([
    ["", 0],
    ["svc", 0],
    ["/svc/", 5],
    ["//", 1],
    ["/a//b", 3],
    ["/a b", 3],
    ["/a\\x2", 2],
    ["/a*", 2],
    ["/a/{b}", 3],
  ])("refuses %j and says where", (text, at) => {
    expect(problem(text).at).toBe(at);
  });

  it("says what was expected, what was found, and brackets it in the text", () => {
    expect(problem("/svc//web").message).toMatch(/expected but '\/' found at '\/svc\/\[\/\]web'$/);
    expect(problem("/svc/").message).toMatch(/expected but end of input found at '\/svc\/\[\]'$/);
  });

  it("C25: writes out control and direction characters in its messages", () => {
    expect(problem("/a\r\nx: y").message).toContain("'/a\\x0d\\x0a[x]: y'");
    expect(problem("/a\u202eb").message).toContain("[\\u{202e}]");
  });

  it("tells line and column, counted from 1", () => {
    try {
      Path.read("\n\n  /a/?");
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ line: 3, column: 6, code: "WEFT_NAME_SYNTAX" });
    }
  });

  it("C15: keeps dots, percent escapes and semicolons as they are: one element is one element", () => {
    expect(Path.of("..", "%2e%2e", "a;x", "\x00").elems).toEqual(["..", "%2e%2e", "a;x", "\x00"]);
    expect(Path.of("a/../b").size).toBe(1);
  });

  it("C17: an element that begins with a slash, `$` or `#` stays one element", () => {
    for (const elem of ["/etc", "$", "#", "/#/x"]) {
      const path = Path.of("svc", elem);
      expect(Path.read(path.show).elems).toEqual(["svc", elem]);
    }
  });

  it("C18: takes thousands of elements, and a text of a megabyte", () => {
    const long = "/a".repeat(500_000);
    expect(Path.read(long).size).toBe(500_000);
    expect(Path.read(`${long}\\x2f`).size).toBe(500_000);
  });
});
