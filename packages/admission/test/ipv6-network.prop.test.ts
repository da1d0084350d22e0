import { isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv6Network } from "../src/ipv6-network.ts";

const arbGroups = fc.array(fc.oneof(fc.constantFrom(0, 0, 0, 1, 0xffff), fc.nat(0xffff)), {
  minLength: 8,
  maxLength: 8,
});

/** As a number, from its eight groups. */
function numberOf(groups: readonly number[]): bigint {
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
}

/** One of the ways to write the address: with `::` for the zeros from `from` on, where there are any. */
function write(groups: readonly number[], from: number, upper: boolean): string {
  let to = from;
  while (to < 8 && groups[to] === 0) to++;
  const hex = groups.map((group) => group.toString(16));
  const text = to === from ? hex.join(":") : `${hex.slice(0, from).join(":")}::${hex.slice(to).join(":")}`;
  return upper ? text.toUpperCase() : text;
}

describe("ipv6Network", () => {
  it("keeps the first bits and makes the rest zero, however the address is written", () => {
    fc.assert(
      fc.property(arbGroups, fc.integer({ min: 1, max: 128 }), fc.nat(7), fc.boolean(), (groups, bits, from, upper) => {
        fc.pre(!(groups.slice(0, 5).every((each) => each === 0) && groups[5] === 0xffff));
        const text = write(groups, from, upper);
        expect(isIPv6(text)).toBe(true);
        const [network, size] = ipv6Network(text, bits).split("/") as [string, string];
        expect(size).toBe(String(bits));
        const mask = ((1n << BigInt(bits)) - 1n) << BigInt(128 - bits);
        expect(numberOf(network.split(":").map((each) => Number.parseInt(each, 16)))).toBe(numberOf(groups) & mask);
        expect(ipv6Network(`${text}%eth0`, bits)).toBe(`${network}/${bits}`);
      }),
    );
  });

  it("takes an IPv4 address that is mapped into IPv6 for itself, in either notation", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a, b, c, d] = address.split(".").map(Number) as [number, number, number, number];
        const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        expect(ipv6Network(`::ffff:${address}`, 64)).toBe(address);
        expect(ipv6Network(`::ffff:${groups}`, 64)).toBe(address);
        expect(ipv6Network(`64:ff9b::${address}`, 96)).toBe("64:ff9b:0:0:0:0:0:0/96");
      }),
    );
  });

  it("does not take every address that begins with zeros for a mapped one, nor every one with ffff in its place", () => {
    expect(ipv6Network("::1", 64)).toBe("0:0:0:0:0:0:0:0/64");
    expect(ipv6Network("1::ffff:1:2", 96)).toBe("1:0:0:0:0:ffff:0:0/96");
    expect(ipv6Network("::", 128)).toBe("0:0:0:0:0:0:0:0/128");
  });

  it.each(["", "1:2:3", "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "12345::", "::g", "::300.1.1.1", ":1"])(
    "leaves %j as it is",
    (text) => {
      expect(ipv6Network(text, 64)).toBe(text);
    },
  );
});
