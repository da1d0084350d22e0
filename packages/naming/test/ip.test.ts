import { describe, expect, it } from "vitest";
import { isHostName, readIp } from "../src/index.ts";

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
