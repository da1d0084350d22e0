import { isIPv4 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readIpv4 } from "../src/index.ts";

describe("readIpv4", () => {
  it("reads every way of writing the same address", () => {
    const byte = fc.nat(255);
    const base = fc.constantFrom(8, 10, 16);
    fc.assert(
      fc.property(byte, byte, byte, byte, base, fc.integer({ min: 1, max: 4 }), (a, b, c, d, radix, parts) => {
        const bytes = [a, b, c, d];
        const last = bytes.slice(parts - 1).reduce((sum, each) => sum * 256 + each, 0);
        const text = [...bytes.slice(0, parts - 1), last]
          .map((each) => `${radix === 16 ? "0x" : radix === 8 ? "0" : ""}${each.toString(radix)}`)
          .join(".");
        expect(readIpv4(text)).toBe(bytes.join("."));
      }),
      { numRuns: 1000 },
    );
  });

  it("gives a plain address or nothing, for any text", () => {
    const text = fc.oneof(fc.string({ unit: fc.constantFrom(..."0123456789.xXaf"), maxLength: 20 }), fc.ipV4());
    fc.assert(
      fc.property(text, (each) => {
        const ip = readIpv4(each);
        if (ip !== undefined) expect(isIPv4(ip)).toBe(true);
        if (isIPv4(each)) expect(ip).toBe(each);
      }),
      { numRuns: 5000 },
    );
  });
});
