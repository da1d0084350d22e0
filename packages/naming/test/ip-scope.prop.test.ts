import { isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipScope, isLoopbackIp } from "../src/index.ts";

const byte = fc.integer({ min: 0, max: 255 });
const v4 = fc.oneof(
  fc.tuple(byte, byte, byte, byte),
  fc.tuple(fc.constantFrom(0, 10, 127, 169, 192, 224, 255), fc.constantFrom(0, 254, 168), byte, byte),
);
const words = (bytes: readonly number[]): string =>
  [0, 2].map((i) => (((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16)).join(":");

describe("the scope of an address", () => {
  it.each([
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["::1", "loopback"],
    ["0:0:0:0:0:0:0:1", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:7f00:1", "loopback"],
    ["::127.0.0.1", "loopback"],
    ["64:ff9b::7f00:1", "loopback"],
    ["2002:7f00:1::", "loopback"],
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "unspecified"],
    ["::", "unspecified"],
    ["::ffff:0:0", "unspecified"],
    ["169.254.169.254", "linkLocal"],
    ["fe80::1", "linkLocal"],
    ["fe80::1%eth0", "linkLocal"],
    ["febf::1", "linkLocal"],
    ["64:ff9b::a9fe:a9fe", "linkLocal"],
    ["100.100.100.200", "metadata"],
    ["192.0.0.192", "metadata"],
    ["168.63.129.16", "metadata"],
    ["fd00:ec2::254", "metadata"],
    ["fd20:ce::254", "metadata"],
    ["224.0.0.1", "multicast"],
    ["255.255.255.255", "multicast"],
    ["ff02::1", "multicast"],
    ["10.0.0.1", undefined],
    ["192.0.2.1", undefined],
    ["169.253.1.1", undefined],
    ["2001:db8::1", undefined],
    ["fd00:ec2::255", undefined],
    ["localhost", undefined],
    ["0177.0.0.1", undefined],
    ["", undefined],
  ])("of %s is %s", (ip, scope) => {
    expect(ipScope(ip)).toBe(scope);
    expect(isLoopbackIp(ip)).toBe(scope === "loopback");
  });

  it("is that of the IPv4 address in an IPv6 one, however it is written", () => {
    fc.assert(
      fc.property(v4, (bytes) => {
        const dotted = bytes.join(".");
        const [high, low] = words(bytes).split(":");
        const inverted = bytes.map((each) => each ^ 255);
        const forms = [
          `::ffff:${dotted}`,
          `::ffff:${high}:${low}`,
          `0:0:0:0:0:ffff:${high}:${low}`,
          `::ffff:0:${dotted}`,
          `64:ff9b::${dotted}`,
          `64:ff9b:1::${high}:${low}`,
          `2002:${high}:${low}::1`,
          `2001:0:1:2:3:4:${words(inverted)}`,
        ];
        for (const form of forms) {
          expect(isIPv6(form)).toBe(true);
          expect([form, ipScope(form)]).toEqual([form, ipScope(dotted)]);
        }
      }),
    );
  });
});
