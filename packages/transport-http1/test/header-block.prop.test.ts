import { headerName, Names } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeaderBlock, Incomplete } from "../src/header-block.ts";

const limits = { maxHeaderBytes: 8_192, maxHeaderLines: 1_000 };
const token = "!#$%&'*+-.^_`|~09azAZ";
const arbName = fc.oneof(
  fc.string({ unit: fc.constantFrom(...token), minLength: 1, maxLength: 20 }),
  fc.constantFrom("Host", "accept", "X-REQUEST-id", "Via", "VIA", "user-agent", "Cookie"),
);
/** Anything a value may hold, without spaces around it. */
const arbValue = fc
  .string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code < 32 || code === 127 ? 9 : code)),
    maxLength: 40,
  })
  .map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ""));
const arbSpace = fc.string({ unit: fc.constantFrom(" ", "\t"), maxLength: 3 });
const arbLines = fc.array(fc.tuple(arbName, arbSpace, arbValue, arbSpace), { maxLength: 20 });

function bytesOf(lines: readonly (readonly [string, string, string, string])[], before = "", after = ""): Buffer {
  const text = lines.map(([name, left, value, right]) => `${name}:${left}${value}${right}\r\n`).join("");
  return Buffer.from(`${before}${text}\r\n${after}`, "latin1");
}

describe("a block of header lines", () => {
  it("gives back every name and value, and the very bytes", () => {
    const block = new HeaderBlock(limits);
    fc.assert(
      fc.property(
        arbLines.filter((lines) => lines.length < 20),
        fc.constantFrom("", "GET / HTTP/1.1\r\n"),
        (lines, before) => {
          const bytes = bytesOf(lines, before, "behind");
          const next = block.scan(bytes, before.length, bytes.length);
          expect(next).toBe(bytes.length - "behind".length);
          const headers = block.headers(bytes.toString("latin1", 0, block.end), 0);
          expect(headers.toFlat()).toEqual(lines.flatMap(([name, , value]) => [name, value]));
          expect(headers.toLines()).toBe(bytes.toString("latin1", before.length, next - 2));
          const moved = block.headers(bytes.toString("latin1", block.start, block.end), block.start);
          expect(moved.toFlat()).toEqual(headers.toFlat());
          const vias = lines.filter(([name]) => name.toLowerCase() === "via").map(([, , value]) => value);
          expect(headers.getAll(Names.via)).toEqual(vias);
          expect(headers.getAll(headerName("cookie"))).toEqual(
            lines.filter(([name]) => name.toLowerCase() === "cookie").map(([, , value]) => value),
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("is incomplete in every part of it, and looks at no byte behind its end", () => {
    const block = new HeaderBlock(limits);
    fc.assert(
      fc.property(arbLines, (lines) => {
        const bytes = bytesOf(lines);
        // What lies behind the end is of an earlier read: it must neither complete the block nor break it.
        const stale = Buffer.concat([bytes, Buffer.alloc(4)]);
        for (const junk of [0, 10, 13, 32, 58, 97]) {
          for (let end = 0; end < bytes.length; end++) {
            const cut = Buffer.from(stale);
            cut.fill(junk, end);
            expect(block.scan(cut, 0, end)).toBe(Incomplete);
          }
        }
        expect(block.scan(stale, 0, bytes.length)).toBe(bytes.length);
      }),
      { numRuns: 40 },
    );
  });

  it("allows as many bytes and lines as its limits say, and no more", () => {
    fc.assert(
      fc.property(
        arbLines,
        fc.integer({ min: -2, max: 2 }),
        fc.integer({ min: -1, max: 1 }),
        (lines, more, moreLines) => {
          const bytes = bytesOf(lines);
          const block = new HeaderBlock({
            maxHeaderBytes: bytes.length + more,
            maxHeaderLines: Math.max(0, lines.length + moreLines),
          });
          const fits = more >= 0 && (moreLines >= 0 || lines.length === 0);
          if (fits) expect(block.scan(bytes, 0, bytes.length)).toBe(bytes.length);
          else expect(() => block.scan(bytes, 0, bytes.length)).toThrow(expect.objectContaining({ status: 431 }));
        },
      ),
    );
  });

  it.each([
    ["close", true, false],
    ["Keep-Alive", false, true],
    ["keep-alive, close", true, true],
    ["\t x ,CLOSE\t", true, false],
    ["closed", false, false],
    ["close;x", false, false],
    ["", false, false],
    [",,close", true, false],
  ])("understands Connection: %s", (value, close, keepAlive) => {
    const block = new HeaderBlock(limits);
    const bytes = Buffer.from(`Connection: ${value}\r\n\r\n`);
    block.scan(bytes, 0, bytes.length);
    expect([block.close, block.keepAlive, block.hasConnection]).toEqual([close, keepAlive, true]);
  });

  it("refuses every name with a _ where it is told to, and no other", () => {
    const block = new HeaderBlock({ ...limits, refuseUnderscores: true });
    fc.assert(
      fc.property(
        arbLines.filter((lines) => lines.every(([name]) => !/^(host|content-length|transfer-encoding)$/i.test(name))),
        (lines) => {
          const bytes = bytesOf(lines);
          const bad = lines.some(([name]) => name.includes("_"));
          const scan = (): number => block.scan(bytes, 0, bytes.length);
          if (bad) expect(scan).toThrow("the name of a header has a _");
          else expect(scan()).toBe(bytes.length);
        },
      ),
    );
  });

  it("forgets one message before the next", () => {
    const block = new HeaderBlock(limits);
    const first = Buffer.from("Host: a\r\nContent-Length: 5\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n");
    block.scan(first, 0, first.length);
    expect([block.hostCount, block.contentLength, block.expect, block.size]).toEqual([1, 5, "continue", 4]);
    const second = Buffer.from("Transfer-Encoding: chunked\r\n\r\n");
    block.scan(second, 0, second.length);
    expect(block).toMatchObject({
      hostCount: 0,
      contentLength: -1,
      close: false,
      hasConnection: false,
      expect: "none",
    });
    expect(block.transferCoding).toBe("chunked");
  });
});
