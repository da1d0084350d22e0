import { describe, expect, it } from "vitest";
import { fillTemplate, Path, PathMatcher } from "../src/index.ts";

function extract(pattern: string, path: string): Record<string, string> | undefined {
  const captures = PathMatcher.read(pattern).extract(Path.read(path));
  return captures === undefined ? undefined : { ...captures };
}

describe("PathMatcher", () => {
  it.each([
    ["/", "/anything/at/all", {}],
    ["/foo/bar", "/foo/bar", {}],
    ["/foo/bar", "/foo/bar/bas", {}],
    ["//foo/bar/", "/foo/bar", {}],
    ["/foo/bar", "/foo/goo", undefined],
    ["/foo/bar", "/foo", undefined],
    ["/foo/Bar", "/foo/bar", undefined],
    ["/foo/*/*", "/foo/hi/there", {}],
    ["/foo/*", "/foo", undefined],
    ["/#/*/{service}", "/#/io.l5d.fs/web/rest", { service: "web" }],
    ["/foo/{A_B.C}", "/foo/bar", { "A_B.C": "bar" }],
    ["/foo/{A}:http", "/foo/bas:http", { A: "bas" }],
    ["/foo/{A}:http", "/foo/bas", undefined],
    ["/x/{A}.{B}.{C}/{D}", "/x/www.foo.com/80", { A: "www", B: "foo", C: "com", D: "80" }],
    ["/x/{A}-{B}", "/x/foo-bar-baz", { A: "foo-bar", B: "baz" }],
    ["/x/{ns}-{svc}:443", "/x/a-b:443", { ns: "a", svc: "b" }],
    ["/x/{A}{B}", "/x/abc", { A: "abc", B: "" }],
    ["/{A}/{A}", "/x/y", { A: "y" }],
  ])("%s finds in %s: %j", (pattern, path, captures) => {
    expect(extract(pattern, path)).toEqual(captures);
  });

  it("does not mind what stands before or after the text in a segment with captures, as in Linkerd", () => {
    expect(extract("/x/{A}.com", "/x/foo.com.evil")).toEqual({ A: "foo" });
    expect(extract("/x/v{N}", "/x/srv12")).toEqual({ N: "12" });
    expect(extract("/x/b{A}b", "/x/abab")).toEqual({ A: "a" });
  });

  it("takes a dot for a dot and every other character for itself", () => {
    expect(extract("/x/{A}.com", "/x/fooXcom")).toBeUndefined();
    expect(extract("/x/{A}$", "/x/foo$")).toEqual({ A: "foo" });
  });

  it("compares with the element as it is shown", () => {
    expect(extract("/x/\\x61\\x2f", "/x/a\\x2f")).toEqual({});
    expect(extract("/x/{A}", "/x/a\\x2f")).toEqual({ A: "\\x61\\x2f" });
  });

  it("takes a hyphen in braces for no capture, and tells that nothing can match it", () => {
    expect(extract("/x/{a-b}", "/x/y")).toBeUndefined();
    expect(PathMatcher.read("/x/{a-b}/{c}/*").unmatchable).toEqual(["{a-b}"]);
    expect(PathMatcher.read("/x//y").unmatchable).toEqual([""]);
  });

  it("fills a template, and leaves braces that are no capture of its own", () => {
    const matcher = PathMatcher.read("/foo/{A}/*/{B}");
    expect(matcher.substitute(Path.read("/foo/boo/bar/bas"), "/{A}/and/{B}/{A}{C}")).toBe("/boo/and/bas/boo{C}");
    expect(matcher.substitute(Path.read("/goo/boo/bar/bas"), "/{A}")).toBeUndefined();
    expect(matcher.captureNames).toEqual(["A", "B"]);
  });

  it("C27: has captures of any name, and none that it did not find", () => {
    const captures = PathMatcher.read("/{__proto__}/{constructor}").extract(Path.read("/a/b"));
    expect(Object.entries(captures ?? {})).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
    expect(fillTemplate("/{toString}", {})).toBe("/{toString}");
  });

  it("C28: takes a name of 100 KB in no time, whatever the pattern", () => {
    const elem = "a-".repeat(50_000);
    const path = Path.of("x", elem);
    const patterns = [
      "/x/{a}-{b}-{c}-{d}-{e}z",
      "/x/{a}{b}{c}{d}{e}!",
      "/x/a{a}a{b}a{c}aa",
      `/x/${"{a}-".repeat(50)}!`,
    ];
    for (const pattern of patterns) {
      const matcher = PathMatcher.read(pattern);
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 3; i++) {
        const start = performance.now();
        expect(matcher.extract(path)).toBeUndefined();
        best = Math.min(best, performance.now() - start);
      }
      expect(best).toBeLessThan(50);
    }
  });
});
