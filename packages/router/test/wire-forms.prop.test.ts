import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { combineDeadlines, readDeadline, showDeadline } from "../src/deadline-header.ts";
import { formEncode } from "../src/form-encode.ts";
import { childTraceText, newTrace, readTraceId } from "../src/trace-id.ts";

const ns = fc.bigInt({ min: 0n, max: 2n ** 63n });
const deadline = fc.record({ timestampNs: ns, deadlineNs: ns });

describe("a deadline on the wire", () => {
  it("reads back as it was written", () => {
    fc.assert(
      fc.property(deadline, (each) => {
        expect(readDeadline(showDeadline(each))).toEqual(each);
      }),
    );
  });

  it("combines commutatively, associatively and idempotently, and is never later than either", () => {
    fc.assert(
      fc.property(deadline, deadline, deadline, (a, b, c) => {
        expect(combineDeadlines(a, b)).toEqual(combineDeadlines(b, a));
        expect(combineDeadlines(combineDeadlines(a, b), c)).toEqual(combineDeadlines(a, combineDeadlines(b, c)));
        expect(combineDeadlines(a, a)).toEqual(a);
        expect(combineDeadlines(a, b).deadlineNs <= a.deadlineNs).toBe(true);
      }),
    );
  });

  it("C21: is nothing at all for any other text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const read = readDeadline(text);
        expect(read === undefined || /^\s*\d{1,20} \d{1,20}\s*$/.test(text)).toBe(true);
      }),
    );
  });
});

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
    fc.assert(fc.property(fc.string({ maxLength: 100 }), (text) => void readTraceId(text)));
  });

  it("differs from trace to trace", () => {
    const rng = seededRng(3);
    const seen = new Set(Array.from({ length: 1000 }, () => childTraceText(newTrace(rng), rng)));
    expect(seen.size).toBe(1000);
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
