import { describe, expect, it } from "vitest";
import type { ConfigIssue } from "../src/index.ts";
import { maxConfigChars } from "../src/index.ts";
import { readSource } from "../src/read-source.ts";
import { placeOf, plainValue, type SourceNode } from "../src/source.ts";

function value(text: string): unknown {
  const { source, issues } = readSource(text, "t.yaml");
  issues.throwIfAny();
  return plainValue(source?.root as SourceNode);
}

function issues(text: string): readonly ConfigIssue[] {
  return readSource(text, "t.yaml").issues.error().issues;
}

describe("readSource", () => {
  it("reads JSON when the text begins with {, and then only JSON", () => {
    expect(value(' \n{"a": [1, -2.5e3, true, null, "x\\n\\u0041"]}')).toEqual({ a: [1, -2500, true, null, "x\nA"] });
    for (const text of [
      "{a: 1}",
      '{"a": 1,}',
      "{'a': 1}",
      '{"a": 01}',
      '{"a": .5}',
      '{"a": 1} x',
      '{"a": "\t"}',
      '{"a"',
    ]) {
      expect(issues(text)[0]?.message, text).toMatch(/^not valid JSON: /);
    }
  });

  it("says where JSON is wrong, and in which key", () => {
    expect(issues('{"a": 1,\n "b": {"c": [1, x]}}')).toMatchObject([
      { rule: "syntax", line: 2, column: 17, keyPath: "b.c[1]" },
    ]);
  });

  it("reads words as Linkerd's YAML does", () => {
    const text =
      "a: yes\nb: on\nc: 0x1f\nd: 010\ne: 1:30\nf: ~\ng: TRUE\nh: 1_000\ni: 127.1\nj: 1.2.3\nk: '1'\nl: -.5\nm: .inf\nn: 1e3\n";
    expect(value(text)).toEqual({
      a: "yes",
      b: "on",
      c: "0x1f",
      d: 10,
      e: "1:30",
      f: null,
      g: true,
      h: 1000,
      i: 127.1,
      j: "1.2.3",
      k: "1",
      l: -0.5,
      m: ".inf",
      n: 1000,
    });
  });

  it("keeps the text of block and quoted values", () => {
    expect(value("a: |\n  x\n  y\nb: >-\n  x\n  y\nc: 'it''s'\nd: \"\\x41\\n\"\n")).toEqual({
      a: "x\ny\n",
      b: "x y",
      c: "it's",
      d: "A\n",
    });
  });

  it("I4: skips a byte order mark without shifting positions", () => {
    expect(issues("\uFEFFa: 1\na: 2\n")).toMatchObject([{ rule: "duplicateKey", line: 2, column: 1, keyPath: "a" }]);
    expect(issues("\uFEFFa: 1\n\uFEFFb: [\n")[0]).toMatchObject({ rule: "syntax" });
  });

  it("I4: refuses tabs as indentation with the line", () => {
    expect(issues("a:\n\tb: 1\n")[0]).toMatchObject({
      rule: "syntax",
      line: 2,
      column: 1,
      message: expect.stringMatching(/tab/),
    });
  });

  it("I4: follows anchors, aliases and merge keys", () => {
    const text = "a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd: {<<: [{x: 5}, *a]}\n";
    const a = { x: 1, y: 2 };
    expect(value(text)).toEqual({ a, b: a, c: { x: 1, y: 3 }, d: { x: 5, y: 2 } });
  });

  it("I4: refuses an alias that is not there, or inside itself, or a merge of something else", () => {
    expect(issues("a: *b\n")[0]).toMatchObject({ line: 1, column: 4, keyPath: "a" });
    expect(issues("a: &a [*a]\n")[0]).toMatchObject({ keyPath: "a[0]" });
    expect(issues("a: {<<: 3}\n")[0]?.message).toMatch(/merge key/);
  });

  it("I4: a bomb of aliases is refused while it is small", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 30; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
      );
    expect(issues(lines.join("\n"))[0]).toMatchObject({
      rule: "syntax",
      message: expect.stringMatching(/more than 100000 values/),
    });
    const merges = [`m0: &m0 {${Array.from({ length: 400 }, (_, i) => `k${i}: 1`).join(", ")}}`];
    for (let i = 1; i < 400; i++) merges.push(`m${i}: {<<: *m0}`);
    expect(issues(merges.join("\n"))[0]?.message).toMatch(/more than 100000 values/);
  });

  it("I4: refuses tags beyond the core types, and core tags that are not true", () => {
    for (const text of [
      "a: !!js/function x",
      "a: !foo 1",
      "a: !!binary aGk=",
      "a: !!set {x}",
      "a: !!int x",
      "!!str a: 1\nb: !!map [1]",
    ]) {
      expect(issues(text)[0]?.rule, text).toBe("syntax");
    }
    expect(value("a: !!str 1\nb: !!int 2\nc: !!map {}\nd: ! 3\n")).toEqual({ a: "1", b: 2, c: {}, d: "3" });
  });

  it("I4: refuses several documents, and keys that are no words", () => {
    expect(issues("a: 1\n---\nb: 2\n")[0]?.message).toMatch(/more than one document/);
    expect(issues("? [a]\n: 1\n")[0]?.message).toMatch(/a key must be a word/);
    expect(issues("{}: 1\n")[0]?.rule).toBe("syntax");
  });

  it("I4: refuses a text beyond the limit before it looks into it", () => {
    expect(issues(" ".repeat(maxConfigChars + 1))[0]).toMatchObject({
      rule: "tooLarge",
      message: expect.stringMatching(/10485761.*10485760/),
    });
  });

  it.each<[string, string]>([
    ["keys", Array.from({ length: 600_000 }, (_, i) => `key${i}: v\n`).join("")],
    ["the same key", "a: 1\n".repeat(1_500_000)],
    ["small maps", "a: {b: [1, 2, {c: d}]}\n".repeat(400_000)],
    ["anchors and aliases", `a: [${"&a a, *a, ".repeat(900_000)}]`],
    ["brackets", "[".repeat(10_000_000)],
    ["tags", `a: ${"!x ".repeat(3_000_000)}`],
    ["JSON values", JSON.stringify({ a: Array(800_000).fill("abcdefgh") })],
  ])("I4: refuses a 10 MB file of %s in little time", (_name, text) => {
    const before = process.cpuUsage();
    expect(issues(text)[0]?.message).toMatch(/more than \d+ (?:words and marks|values)/);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000);
  });

  it("I4: reads a dtab of 10 MB", () => {
    const rule = "    /svc/x => /#/io.l5d.fs/y;\n";
    const text = `a: |\n${rule.repeat(340_000)}`;
    expect((value(text) as { a: string }).a.length).toBe(340_000 * (rule.length - 4));
  });

  it("I4: refuses what is nested too deeply, as YAML and as JSON", () => {
    for (const depth of [150, 5_000, 90_000]) {
      expect(issues("[".repeat(depth) + "]".repeat(depth))[0]?.rule).toBe("syntax");
      expect(issues(`{"a":${"[".repeat(depth)}`)[0]?.message).toMatch(/nested more than 100 deep/);
    }
  });

  it("C27: keys named like parts of an object are ordinary, and __proto__ never becomes one", () => {
    for (const text of [
      "constructor: 1\ntoString: 2\n__proto__: {polluted: 1}\n",
      '{"constructor": 1, "toString": 2, "__proto__": {"polluted": 1}}',
    ]) {
      const { source } = readSource(text, "t");
      const read = plainValue(source?.root as SourceNode) as Record<string, unknown>;
      expect(Object.keys(read)).toEqual(["constructor", "toString"]);
      expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
      expect(read["polluted"]).toBeUndefined();
      expect(placeOf(source?.root as SourceNode, ["__proto__", "polluted"]).depth).toBe(2);
    }
  });

  it("names both the key path and the second place of a duplicate key", () => {
    expect(issues("r:\n- p: 1\n  q: 2\n  p: 3\n")).toMatchObject([
      { rule: "duplicateKey", line: 4, column: 3, keyPath: "r[0].p" },
    ]);
    expect(issues('{"r": [{"p": 1,\n"p": 2}]}')).toMatchObject([
      { rule: "duplicateKey", line: 2, column: 1, keyPath: "r[0].p" },
    ]);
  });

  it("D5: no message about syntax repeats the text, and no excerpt shows what looks like a secret", () => {
    const { issues } = readSource('a: 1\ntoken: "sesame\n', "t");
    expect(issues.error().message + issues.error().pretty()).not.toContain("sesame");
  });
});
