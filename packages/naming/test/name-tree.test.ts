import { describe, expect, it } from "vitest";
import {
  Empty,
  evalTree,
  Fail,
  PathSyntaxError,
  readTree,
  showTree,
  showWeight,
  simplifyTree,
  union,
} from "../src/index.ts";

function at(text: string): number {
  try {
    readTree(text);
  } catch (error) {
    if (error instanceof PathSyntaxError) return error.at;
    throw error;
  }
  throw new Error(`${text} is a tree`);
}

describe("the text of name trees", () => {
  it.each([
    ["/a", "/a"],
    ["0.5 * /a", "/a"],
    [".5*/a & 1.*/b", "0.5*/a & /b"],
    ["1.005*/a & 0.001*/b", "1.005*/a & 0.001*/b"],
    ["(/a)", "/a"],
    ["/a | /b & /c | $", "/a | (/b & /c) | $"],
    ["(/a | /b) & 3*(/c | (/d & /e))", "(/a | /b) & 3*(/c | (/d & /e))"],
    ["/$/inet/127.1/80|/#/io.l5d.fs/a#b", "/$/inet/127.1/80 | /#/io.l5d.fs/a#b"],
    ["!", "!"],
    ["~", "~"],
    ["$", "$"],
    ["/", "/"],
  ])("reads %j and shows it as %j", (text, shown) => {
    expect(showTree(readTree(text))).toBe(shown);
  });

  it.each([
    ["", 0],
    ["/a |", 4],
    ["/a & & /b", 5],
    [". * /a", 1],
    ["1.2.3*/a", 3],
    ["2 /a", 2],
    ["(/a", 3],
    ["/a)", 2],
    ["/a/", 3],
    ["/a/*", 3],
    ["1e3*/a", 1],
    ["/a | b", 5],
    [`${"9".repeat(400)}*/a & /b`, 0],
  ])("refuses %j and says where", (text, position) => {
    expect(at(text)).toBe(position);
  });

  it("refuses parentheses nested without end, and takes a megabyte of branches", () => {
    expect(at("(".repeat(1_000_000))).toBe(200);
    const wide = readTree(`/a${" | /a".repeat(200_000)}`);
    expect(wide.kind === "alt" && wide.trees.length).toBe(200_001);
    expect(evalTree(simplifyTree(wide))).not.toBe("neg");
  });

  it("has no text for a weight that is no weight", () => {
    for (const weight of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      expect(() => showWeight(weight)).toThrow(RangeError);
    }
  });
});

describe("a union of nothing but failures", () => {
  it("is nothing, but of one it is that failure", () => {
    const branch = { weight: 1, tree: Fail };
    expect(simplifyTree(union(branch))).toBe(Fail);
    expect(simplifyTree(union(branch, branch))).toEqual({ kind: "neg" });
    expect(simplifyTree(union(branch, { weight: 1, tree: Empty }))).toBe(Empty);
  });
});
