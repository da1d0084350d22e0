import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseCoding } from "../src/content-coding.ts";
import { isTextual } from "../src/textual-type.ts";

const arbWeight = fc.constantFrom(
  "",
  ";q=0",
  ";q=0.0",
  "; q=0.001",
  ";q=0.5",
  "; Q=0.8",
  ";q=1",
  ";q=1.000",
  ";q=2",
  ";q=x",
  ";level=1;q=0.3",
);
const arbItem = fc.tuple(
  fc.constantFrom("gzip", "GZIP", "x-gzip", "deflate", "identity", "br", "*", "zstd"),
  arbWeight,
);

/** By the letter of RFC 9110, the slow way. */
function weightOf(items: readonly (readonly [string, string])[], coding: string): number | undefined {
  const named = (wanted: string) =>
    items
      .filter(([name]) => (name.toLowerCase() === "x-gzip" ? "gzip" : name.toLowerCase()) === wanted)
      .map(([, weight]) => {
        const found = /q=(\S+)/i.exec(weight)?.[1];
        if (found === undefined) return 1;
        return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(found) ? Number(found) : 0;
      });
  const own = named(coding);
  const weights = own.length > 0 ? own : named("*");
  return weights.length === 0 ? undefined : Math.max(...weights);
}

describe("the coding of a response", () => {
  it("is one that the client takes, the one that it likes best, and none that it likes less than none", () => {
    fc.assert(
      fc.property(fc.array(arbItem, { maxLength: 5 }), fc.boolean(), (items, split) => {
        const texts = items.map(([name, weight]) => `${name}${weight}`);
        const chosen = chooseCoding(split ? texts : [texts.join(" , ")]);
        const gzip = weightOf(items, "gzip") ?? 0;
        const deflate = weightOf(items, "deflate") ?? 0;
        const named = items.filter(([name]) => name === "identity");
        const identity = named.length === 0 ? 0 : (weightOf(named, "identity") ?? 0);
        const best = Math.max(gzip, deflate);
        const wanted = best === 0 || best < identity ? undefined : gzip >= deflate ? "gzip" : "deflate";
        expect([texts, chosen]).toEqual([texts, wanted]);
      }),
    );
  });

  it("is found in anything", () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: "binary" })), (texts) => void chooseCoding(texts)));
  });
});

describe("a textual type", () => {
  it("is text, whatever its parameters and its case", () => {
    for (const type of [
      "text/html",
      "TEXT/plain; charset=utf-8",
      " application/JSON ;x=y",
      "image/svg+xml",
      "application/xhtml+xml",
    ]) {
      expect([type, isTextual(type)]).toEqual([type, true]);
    }
    for (const type of [
      "",
      "image/png",
      "application/jsonx",
      "application/grpc",
      "x-text/html",
      "application/octet-stream; a=text/html",
    ]) {
      expect([type, isTextual(type)]).toEqual([type, false]);
    }
  });
});
