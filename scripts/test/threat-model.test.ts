import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { filesBelow, root } from "../workspace.ts";

const page = readFileSync(join(root, "docs/threat-model.md"), "utf8");
const source = /^(packages|plugins|apps)\/[\w-]+\/src\/.*\.ts$/;
/** What runs in tests, in experiments and in the example alone. */
const apart = /^(packages\/(testkit|simulator)|apps\/(bench|e2e)|apps\/proxy\/src\/hello\.ts)/;
const sources = ["packages", "plugins", "apps"].flatMap((group) => filesBelow(group, source));

const listens = /\b(?:createServer|createSecureServer)\(|new (?:TLS)?Server\(/;
const reads =
  /\b(?:JSON\.parse|parseDocument|readFileSync|readFile|decodeURIComponent|BigInt|Number\.parseFloat|new URLSearchParams)\(|"base64"/;
/** A function or method by a name that says that it reads, of a value that is bytes or text or anything at all. */
const reader =
  /^(?:export (?:async )?function|function| {2}(?:static |async |private )*)\s*#?(?:read|parse|decode|scan)\w*(?:<[^>]*>)?\([^)]*:\s*(?:string|Buffer|Uint8Array|unknown)\b/m;

function isDoor(text: string): boolean {
  return listens.test(text) || reads.test(text) || reader.test(text);
}

/** The rows of the tables that name files: those files, the tag, and the numbers of tests. */
const rows = page
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter((cells) => cells.length === 6 && cells[2]?.startsWith("`"))
  .map(([, what = "", files = "", tag = "", tests = ""]) => ({
    what,
    files: [...files.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ""),
    tag,
    tests: tests === "" ? [] : tests.split(", "),
  }));
const listed = rows.flatMap(({ files }) => files);

describe("the threat model", () => {
  it("has every file that listens, and every one that reads what somebody else wrote: add yours to a table of it", () => {
    const doors = sources.filter((file) => !apart.test(file) && isDoor(readFileSync(join(root, file), "utf8")));
    expect(doors.length).toBeGreaterThan(40);
    expect(doors.filter((file) => !listed.includes(file))).toEqual([]);
  });

  it("has no file twice, and none that is no door", () => {
    expect(listed.filter((file, i) => listed.indexOf(file) !== i)).toEqual([]);
    expect(listed.filter((file) => !isDoor(readFileSync(join(root, file), "utf8")))).toEqual([]);
  });

  it("says of each what it withstands, and which tests show it", () => {
    expect(rows.length).toBeGreaterThan(15);
    for (const { what, tag, tests } of rows) {
      expect([what, tag]).toEqual([what, expect.stringMatching(/^(client|backend|discovery|admin|operator|inner)$/)]);
      if (!/^(operator|inner)$/.test(tag)) expect([what, tests.length]).not.toEqual([what, 0]);
    }
  });

  it("leans on tests that there are", () => {
    const titles = ["packages", "plugins", "apps", "scripts"]
      .flatMap((group) => filesBelow(group, /\/(test|e2e|testkit\/src)\/.*\.ts$/))
      .filter((file) => !file.endsWith("threat-model.test.ts"))
      .map((file) => readFileSync(join(root, file), "utf8"))
      .join("\n");
    const numbers = new Set([...page.matchAll(/\b[A-FI]\d{1,2}\b(?! to)/g)].map((match) => match[0]));
    const later = new Set(["D8", "D11", "D16", "D17"]);
    const missing = [...numbers].filter((each) => !later.has(each) && !new RegExp(`\\b${each}\\b`).test(titles));
    expect(missing).toEqual([]);
  });

  it("would be found out without a file", () => {
    expect(isDoor("export function readLine(text: string): void {}")).toBe(true);
    expect(isDoor("  static read(text: string): Dtab {")).toBe(true);
    expect(isDoor("const server = createServer({}, () => {});")).toBe(true);
    expect(isDoor("export function write(text: string): void {}")).toBe(false);
  });
});
