import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formEncode } from "../src/form-encode.ts";
import { childTraceText, newTrace, readTraceId, traceHex } from "../src/trace-id.ts";

describe("a trace id on the wire", () => {
  it("keeps trace, flags and parent through a hop", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 40, maxLength: 40 }), fc.boolean(), (bytes, wide) => {
        const sent = Buffer.from(bytes.subarray(0, wide ? 40 : 32));
        const read = readTraceId(sent.toString("base64"));
        expect(read).toBeDefined();
        if (read === undefined) return;
        const next = Buffer.from(childTraceText(read, seededRng(1)), "base64");
        expect(next.subarray(8, 16)).toEqual(sent.subarray(0, 8));
        expect(next.subarray(16)).toEqual(sent.subarray(16));
      }),
    );
  });

  it("never throws for any text", () => {
    const near = fc.stringMatching(/^[A-Za-z0-9+/=_-]{40,60}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 100 }), near), (text) => {
        expect(() => readTraceId(text)).not.toThrow();
      }),
    );
  });

  it("differs from trace to trace, and from call to call within one", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const rng = seededRng(seed);
        const traces = Array.from({ length: 50 }, () => newTrace(rng));
        const spans = new Set(traces.flatMap((each) => [childTraceText(each, rng), childTraceText(each, rng)]));
        expect(new Set(traces.map(traceHex)).size).toBe(50);
        expect(new Set([...spans].map((text) => text.slice(0, 10))).size).toBe(100);
      }),
    );
  });
});

describe("the form encoding of l5d-err", () => {
  it("A59: holds nothing that could end a header, and never more than its bound", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(60), (text, maxBytes) => {
        const encoded = formEncode(text, maxBytes);
        expect(encoded).toMatch(/^([A-Za-z0-9.*_+-]|%[0-9A-F]{2})*$/);
        expect(encoded.length).toBeLessThanOrEqual(maxBytes);
      }),
    );
  });

  it("reads back what is latin1", () => {
    const latin1 = fc.array(fc.integer({ min: 0, max: 255 })).map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(latin1, (text) => {
        const decoded = formEncode(text, 10_000)
          .replaceAll("+", " ")
          .replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
        expect(decoded).toBe(text);
      }),
    );
  });
});
