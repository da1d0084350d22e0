import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { published, readMembers, root } from "../workspace.ts";

describe("the ceilings of what is shipped", () => {
  it("has one for each published package save the testkit, and none for anything else", () => {
    const ceilings = JSON.parse(readFileSync(join(root, ".size-limit.json"), "utf8")) as readonly {
      readonly name: string;
      readonly path: string;
      readonly limit: string;
    }[];
    const shipped = published(readMembers()).filter((each) => each.short !== "testkit");
    const expected = shipped.map((each) => `${each.manifest.name} ${each.dir}/dist/index.js`).sort();
    expect(ceilings.map((each) => `${each.name} ${each.path}`).sort()).toEqual(expected);
    for (const { limit } of ceilings) expect(limit).toMatch(/^\d+(\.5)? kB$/);
  });
});
