import { isIPv4 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isHostName, readIp, readIpv4 } from "../src/index.ts";

describe("readIp", () => {
  it.each([
    ["127.0.0.1", "127.0.0.1"],
    ["127.1", "127.0.0.1"],
    ["10.1.2", "10.1.0.2"],
    ["10.0x102", "10.0.1.2"],
    ["0", "0.0.0.0"],
    ["2130706433", "127.0.0.1"],
    ["0x7f000001", "127.0.0.1"],
    ["0177.0.0.01", "127.0.0.1"],
    ["4294967295", "255.255.255.255"],
    ["0000000000000177.000001", "127.0.0.1"],
    ["::1", "::1"],
    ["[::1]", "::1"],
    ["::ffff:127.0.0.1", "::ffff:127.0.0.1"],
  ])("reads %s as %s", (text, ip) => {
    expect(readIp(text)).toBe(ip);
  });

  it.each([
    "",
    "web",
    "1.2.3.4.5",
    "1.2.3.256",
    "256.1",
    "1.16777216",
    "4294967296",
    "08.1",
    "0x",
    "1..2",
    "1.",
    "-1",
    "1e3",
    "[127.0.0.1]",
    "1.2.3.4 ",
  ])("takes %j for no literal", (text) => {
    expect(readIp(text)).toBeUndefined();
  });
});

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
    const text = fc.string({ unit: fc.constantFrom(..."0123456789.xXaf"), maxLength: 20 });
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

describe("isHostName", () => {
  it.each(["web", "a.b.c", "a.b.", "_srv.x", "x-1", "xn--bcher-kva.example"])("takes %s", (text) => {
    expect(isHostName(text)).toBe(true);
  });

  it.each(["", ".", ".a", "a..b", "a b", "a\0b", "é", "a/b", `${"a".repeat(64)}.b`, `${"a.".repeat(127)}a`])(
    "refuses %j",
    (text) => {
      expect(isHostName(text)).toBe(false);
    },
  );
});
