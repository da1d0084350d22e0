import { showAddress } from "@weftmesh/naming";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAddressFile } from "../src/address-file.ts";

function read(text: string): readonly string[] {
  return readAddressFile(text, "f").map((each) => `${showAddress(each)} ${each.weight}`);
}

describe("an address file", () => {
  it.each([
    ["127.0.0.1 80", ["127.0.0.1:80 1"]],
    ["  127.0.0.1 \t 80  ", ["127.0.0.1:80 1"]],
    ["127.1 8080 * 0.5", ["127.0.0.1:8080 0.5"]],
    ["1 80\n1.2 80\n1.2.3 80\n10.258 1", ["0.0.0.1:80 1", "1.0.0.2:80 1", "1.2.0.3:80 1", "10.0.1.2:1 1"]],
    ["4294967295 80", ["255.255.255.255:80 1"]],
    ["web.example.com 65535 * 1e2", ["web.example.com:65535 100"]],
    ["some_host-1 1", ["some_host-1:1 1"]],
    ["::1 80\n[2001:db8::1] 80", ["[::1]:80 1", "[2001:db8::1]:80 1"]],
    ["a 1#comment\n#a 2\n \n\n b 3 # c 4", ["a:1 1", "b:3 1"]],
    ["a 1\r\nb 2\r\n", ["a:1 1", "b:2 1"]],
    ["a 1 * 0", ["a:1 0"]],
    ["\ufeffa 1", ["a:1 1"]],
    ["", []],
    ["#", []],
  ])("%j has the addresses %j", (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it.each([
    ["a", 1, 2, "a port from 1 to 65535 expected but the end of the line found"],
    ["a 0", 1, 3, 'a port from 1 to 65535 expected but "0" found'],
    ["a 65536", 1, 3, 'a port from 1 to 65535 expected but "65536" found'],
    ["a 08x", 1, 3, 'a port from 1 to 65535 expected but "08x" found'],
    ["a -1", 1, 3, 'a port from 1 to 65535 expected but "-1" found'],
    ["b 1\n a:b 80", 2, 2, 'a host name or an IP address expected but "a:b" found'],
    ["256.1.1.1 80", 1, 1, 'a host name or an IP address expected but "256.1.1.1" found'],
    ["1.2.3.4.5 80", 1, 1, 'a host name or an IP address expected but "1.2.3.4.5" found'],
    ["web.1. 80", 1, 1, 'a host name or an IP address expected but "web.1." found'],
    [".a 80", 1, 1, 'a host name or an IP address expected but ".a" found'],
    ["a/b 80", 1, 1, 'a host name or an IP address expected but "a/b" found'],
    ["a 80 x", 1, 6, "'*' and a weight, or nothing, expected but \"x\" found"],
    ["a 80 *", 1, 7, "a weight of 0 or more expected but the end of the line found"],
    ["a 80 * NaN", 1, 8, 'a weight of 0 or more expected but "NaN" found'],
    ["a 80 * -1", 1, 8, 'a weight of 0 or more expected but "-1" found'],
    ["a 80 * 1e999", 1, 8, 'a weight of 0 or more expected but "1e999" found'],
    ["a 80 * 1 b", 1, 10, 'the end of the line expected but "b" found'],
    ["a 80 protocolHint=h1", 1, 6, "'*' and a weight, or nothing, expected but \"protocolHint=h1\" found"],
    ["a protocolHint=h2", 1, 3, 'a port from 1 to 65535 expected but "protocolHint=h2" found'],
    ["a 80 protocolHint=h2 * 1", 1, 6, "'*' and a weight, or nothing, expected but \"protocolHint=h2\" found"],
    ["a 80 * 1 protocolHint=h2 x", 1, 10, 'the end of the line expected but "protocolHint=h2" found'],
    ["a 80 * protocolHint=h2", 1, 8, 'a weight of 0 or more expected but "protocolHint=h2" found'],
    ["a 80 *1", 1, 6, "'*' and a weight, or nothing, expected but \"*1\" found"],
  ])("%j is refused at line %i, column %i", (text, line, column, problem) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({
        code: "WEFT_NAMER_FS_SYNTAX",
        line,
        column,
        message: `f:${line}:${column}: ${problem}`,
      }),
    );
  });

  it("says of an address that a proxy is there, behind its weight or in its place", () => {
    const text = "a 1 protocolHint=h2\nb 2 * 0.5 protocolHint=h2 # one\nc 3\nd 4 * 2";
    const found = readAddressFile(text, "f").map(({ host, weight, metadata }) => [host, weight, metadata]);
    expect(found).toEqual([
      ["a", 1, { protocolHint: "h2" }],
      ["b", 0.5, { protocolHint: "h2" }],
      ["c", 1, {}],
      ["d", 2, {}],
    ]);
  });

  it("either gives addresses with good ports and weights, or an error with a place in the text, for any text", () => {
    const line = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc
        .tuple(
          fc.constantFrom("a", "127.1", "::1", "[::1]", "256", "x/y", ""),
          fc.constantFrom("80", "0", "65535", "65536", "x", ""),
          fc.constantFrom("", "*", "* 1", "* -1", "* 1e308 #", "# x", "* 1 1"),
        )
        .map((words) => words.join(" ")),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
        const text = lines.join("\n");
        try {
          for (const { host, port, weight } of readAddressFile(text, "f")) {
            expect(host).toMatch(/^[^\s#/*]+$/);
            expect(Number.isInteger(port) && port >= 1 && port <= 65_535).toBe(true);
            expect(Number.isFinite(weight) && weight >= 0).toBe(true);
          }
        } catch (error) {
          const at = error as { code: string; line: number; column: number };
          expect(at.code).toBe("WEFT_NAMER_FS_SYNTAX");
          expect(at.column - 1).toBeLessThanOrEqual((text.split("\n")[at.line - 1] as string).length);
        }
      }),
    );
  });

  it("reads back what is printed, whatever comments and spaces stand around it", () => {
    const entry = fc.record({
      host: fc.constantFrom("a.example", "10.1.2.3", "::1", "x_y"),
      port: fc.integer({ min: 1, max: 65_535 }),
      weight: fc.double({ min: 0, max: 1e308, noNaN: true }).map((each) => (each === 0 ? 0 : each)),
      space: fc.constantFrom(" ", "\t", "  \t "),
      comment: fc.constantFrom("", " # * 9", "#", " "),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 10 }), (entries) => {
        const text = entries
          .map(({ host, port, weight, space, comment }) => [host, port, "*", weight].join(space) + comment)
          .join("\n");
        expect(readAddressFile(text, "f")).toEqual(
          entries.map(({ host, port, weight }) => ({ host, port, weight, metadata: {} })),
        );
      }),
    );
  });
});
