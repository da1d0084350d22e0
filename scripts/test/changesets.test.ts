import { describe, expect, it } from "vitest";
import { changesetProblems, readChangeset } from "../check-changesets.ts";

const packages = new Map([
  ["@weftmesh/core", { released: true }],
  ["@weftmesh/http", { released: false }],
]);
const good = readChangeset("a.md", '---\n"@weftmesh/http": minor\n---\n\nHeaders can be cloned.\n');

describe("changesets", () => {
  it("are read as changesets writes them", () => {
    expect(good).toEqual({
      file: "a.md",
      bumps: new Map([["@weftmesh/http", "minor"]]),
      summary: "Headers can be cloned.",
    });
    expect(changesetProblems([good], packages)).toEqual([]);
  });

  it.each([
    ["---\n---\n\nNothing.\n", /names no package/],
    ['---\n"@weftmesh/fog": patch\n---\n\nFog.\n', /@weftmesh\/fog is no published package/],
    ['---\n"@weftmesh/core": big\n---\n\nBig.\n', /big is no bump/],
    ['---\n"@weftmesh/core": patch\n---\n', /says nothing/],
  ])("that cannot be released are found: %j", (text, expected) => {
    expect(changesetProblems([good, readChangeset("b.md", text)], packages)).toEqual([expect.stringMatching(expected)]);
  });

  it("are missed for a package that was never released", () => {
    expect(changesetProblems([], packages)).toEqual([expect.stringMatching(/^@weftmesh\/http was never released/)]);
  });

  it("without a head are refused", () => {
    expect(() => readChangeset("c.md", "text")).toThrow("c.md: no head");
    expect(() => readChangeset("c.md", "---\nwhat\n---\nText.")).toThrow("cannot read the line what");
  });
});
