import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LinearRegex } from "../src/index.ts";
import { RegexSyntaxError } from "../src/regex-syntax.ts";

describe("LinearRegex", () => {
  it("matches the whole of a text", () => {
    const regex = LinearRegex.read("/admin/(ping|metrics[.]json|names/\\w{2,4})?");
    for (const text of ["/admin/", "/admin/ping", "/admin/metrics.json", "/admin/names/ab"])
      expect(regex.matches(text), text).toBe(true);
    for (const text of ["", "/admin", "/admin/ping/", "x/admin/ping", "/admin/names/a", "/admin/metricsXjson"]) {
      expect(regex.matches(text), text).toBe(false);
    }
  });

  it("knows anchors, negated classes, lazy repetition and any case", () => {
    expect(LinearRegex.read("^/a.*?$").matches("/abc")).toBe(true);
    expect(LinearRegex.read("a^b").matches("ab")).toBe(false);
    expect(LinearRegex.read("(a$|ab)").matches("ab")).toBe(true);
    expect(LinearRegex.read("(^a|b)+").matches("abb")).toBe(true);
    expect(LinearRegex.read("(^a|b)+").matches("aba")).toBe(false);
    expect(LinearRegex.read("[^/]+").matches("a/b")).toBe(false);
    expect(LinearRegex.read("(?i)/Admin[x-z]").matches("/aDMINY")).toBe(true);
    expect(LinearRegex.read("a.c").matches("a\nc")).toBe(false);
  });

  it.each([
    ["a(b", 1],
    ["a)b", 1],
    ["*a", 0],
    ["a[b", 1],
    ["a\\", 1],
    ["(a)\\1", 3],
    ["(?=a)", 0],
    ["(?<!a)b", 0],
    ["a*+", 2],
    ["a{3,2}", 1],
    ["a{x}", 1],
    ["[z-a]", 1],
    ["[a&&b]", 2],
    ["\\p{L}", 0],
  ])("refuses %s with the character", (text, at) => {
    expect(() => LinearRegex.read(text)).toThrow(RegexSyntaxError);
    try {
      LinearRegex.read(text);
    } catch (error) {
      expect(error).toMatchObject({ at, code: "WEFT_CONFIG_REGEX" });
    }
  });

  it("refuses repetitions and nesting that would make it large", () => {
    expect(() => LinearRegex.read("(a{1000}){1000}")).toThrow(/too large/);
    expect(() => LinearRegex.read("a{2000}")).toThrow(/more than 1000/);
    expect(() => LinearRegex.read("(".repeat(100) + ")".repeat(100))).toThrow(/nested/);
  });

  it("C28: hostile expressions take 100 KB of hostile text in less than 50 ms", () => {
    const hostile = [
      "(a+)+b",
      "(a|a)*b",
      "a*a*a*a*a*b",
      "(.*)*x",
      "(a|aa)+$b",
      "([a-z]+)*1",
      "(a?){50}a{50}b",
      "/.*/.*/.*/.*x",
    ];
    const texts = ["a".repeat(100_000), "ab".repeat(50_000), "/a".repeat(50_000)];
    for (const text of hostile) {
      const regex = LinearRegex.read(text);
      for (const input of texts) {
        const before = process.cpuUsage();
        regex.matches(input);
        const { user } = process.cpuUsage(before);
        expect(user / 1000, text).toBeLessThan(50);
      }
    }
  });

  it("agrees with RegExp for every expression and text", () => {
    const atom = fc.constantFrom("a", "b", "c", ".", "[ab]", "[^a]", "\\d", "\\.", "1");
    const regex = fc.letrec<{ any: string }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        atom,
        fc.tuple(tie("any"), tie("any")).map(([a, b]) => a + b),
        fc.tuple(tie("any"), tie("any")).map(([a, b]) => `(${a}|${b})`),
        fc
          .tuple(tie("any"), fc.constantFrom("*", "+", "?", "{2}", "{1,2}", "{0,}", "*?"))
          .map(([a, q]) => `(?:${a})${q}`),
        fc.constantFrom("^", "$", ""),
      ),
    })).any;
    fc.assert(
      fc.property(regex, fc.array(fc.stringMatching(/^[abc1.]{0,6}$/), { maxLength: 8 }), (text, inputs) => {
        const ours = LinearRegex.read(text);
        const theirs = new RegExp(`^(?:${text})$`);
        for (const input of inputs) expect(ours.matches(input), `${text} on ${input}`).toBe(theirs.test(input));
      }),
      { numRuns: 500 },
    );
  });

  it("stays right when the automaton is forgotten on the way", () => {
    const regex = LinearRegex.read("(a|b)*a(a|b){12}");
    let text = "";
    let seed = 1;
    for (let i = 0; i < 60_000; i++) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      text += seed & 65_536 ? "a" : "b";
    }
    expect(regex.matches(text)).toBe(text.at(-13) === "a");
    expect(regex.matches(`${text}a${"b".repeat(12)}`)).toBe(true);
  });
});
