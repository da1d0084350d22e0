import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { readSource } from "../src/read-source.ts";
import { plainValue, type SourceNode } from "../src/source.ts";
import { anyText } from "./arbitraries.ts";

const key = fc.oneof(
  fc.constantFrom("port", "kind", "constructor", "toString", "<<x", "a b", "yes", "1", "null", ""),
  fc.string({ minLength: 1, maxLength: 8 }),
);
const jsonValue = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(key, tie("any"), { maxKeys: 4 }),
  ),
})).any;
const document = fc.dictionary(key, jsonValue, { maxKeys: 6 }).filter((each) => !hasProto(each));

function hasProto(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([name, inner]) => name === "__proto__" || name === "<<" || hasProto(inner));
}

function read(text: string): unknown {
  const { source, issues } = readSource(text, "t");
  issues.throwIfAny();
  return plainValue(source?.root as SourceNode);
}

describe("readSource, for all texts", () => {
  it("gives the value that was written, as JSON and as YAML alike", () => {
    fc.assert(
      fc.property(document, (value) => {
        const json = JSON.stringify(value);
        const expected: unknown = JSON.parse(json);
        expect(read(json)).toEqual(expected);
        expect(read(`---\n${json}`)).toEqual(expected);
      }),
    );
  });

  it("reads what a YAML printer wrote", () => {
    const plain = fc.dictionary(fc.stringMatching(/^[a-z][a-zA-Z]{0,8}$/), jsonValue, { minKeys: 1, maxKeys: 6 });
    fc.assert(
      fc.property(
        plain.filter((each) => !hasProto(each)),
        (value) => {
          const expected: unknown = JSON.parse(JSON.stringify(value));
          const text = stringify(expected, { version: "1.1", defaultStringType: "QUOTE_DOUBLE" });
          expect(read(text)).toEqual(expected);
        },
      ),
    );
  });

  it("never throws, and every position lies within the text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { source, issues } = readSource(text, "t");
        const length = (text.startsWith("\uFEFF") ? text.slice(1) : text).length;
        if (source === undefined) expect(issues.count).toBeGreaterThan(0);
        else checkSpans(source.root, length);
        for (const { line, column } of issues.count > 0 ? issues.error().issues : []) {
          const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeGreaterThanOrEqual(1);
          expect(column).toBeLessThanOrEqual((lines[line - 1] ?? "").length + 2);
        }
      }),
      { numRuns: 500 },
    );
  });
});

function checkSpans(node: SourceNode, length: number): void {
  expect(node.start).toBeGreaterThanOrEqual(0);
  expect(node.start).toBeLessThanOrEqual(length);
  expect(node.end).toBeLessThanOrEqual(length);
  if (node.kind === "list") for (const item of node.items) checkSpans(item, length);
  if (node.kind === "map") {
    for (const { key, value } of node.entries.values()) {
      expect(key.start).toBeLessThanOrEqual(key.end);
      checkSpans(value, length);
    }
  }
}
