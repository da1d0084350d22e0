import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { filesBelow, root } from "../workspace.ts";

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...filesBelow("docs", /^docs\/(?!reference\/).*\.md$/),
  ...filesBelow("packages", /README\.md$/),
  ...filesBelow("plugins", /README\.md$/),
];

/** Relative targets of links, without their anchors. */
function linksOf(text: string): readonly string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => (match[1] ?? "").replace(/#.*$/, ""))
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target));
}

/** Paths of this tree that stand in backticks. */
function pathsOf(text: string): readonly string[] {
  return [...text.matchAll(/`((?:packages|plugins|apps|scripts|docs|templates)\/[\w./-]+)`/g)]
    .map((match) => match[1] ?? "")
    .filter((path) => !path.includes("dist/"));
}

describe("the pages", () => {
  it.each(pages)("%s: every link and every path leads somewhere", (page) => {
    const text = readFileSync(join(root, page), "utf8");
    const broken = linksOf(text).filter((target) => !existsSync(join(root, dirname(page), target)));
    const gone = pathsOf(text).filter((path) => !existsSync(join(root, path)));
    expect([...broken, ...gone]).toEqual([]);
  });

  it("name every decision in the list of decisions", () => {
    const list = readFileSync(join(root, "docs/adr/README.md"), "utf8");
    const decisions = filesBelow("docs/adr", /\/\d{4}-[a-z0-9-]+\.md$/);
    expect(decisions.length).toBeGreaterThan(8);
    for (const [index, path] of decisions.entries()) {
      const text = readFileSync(join(root, path), "utf8");
      const number = `${index + 1}`.padStart(4, "0");
      expect(path.slice("docs/adr/".length)).toMatch(new RegExp(`^${number}-`));
      expect(text).toMatch(new RegExp(`^# ${number} `));
      expect(list).toContain(path.slice("docs/adr/".length));
      for (const part of ["Context", "Decision", "What we gave up", "How we would notice"]) {
        expect(text).toMatch(new RegExp(`^(\\*\\*|## )${part}`, "m"));
      }
      expect(text.split("\n").length).toBeLessThanOrEqual(41);
    }
  });

  it("say nothing of the machine they were written on", () => {
    for (const page of pages) expect(readFileSync(join(root, page), "utf8")).not.toMatch(/\/(root|home|Users)\//);
  });

  it("would be found out when a link or a path is wrong", () => {
    expect(linksOf("[a](b/c.md#d) [e](https://f) [g](#h)")).toEqual(["b/c.md"]);
    expect(pathsOf("`packages/core/src/ctx.ts` `apps/proxy/dist/main.js` `plugins/x`")).toEqual([
      "packages/core/src/ctx.ts",
      "plugins/x",
    ]);
  });
});
