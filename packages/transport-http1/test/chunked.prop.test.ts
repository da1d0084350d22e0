import { Headers } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChunkedDecoder, chunkEnd, chunkHead, lastChunk } from "../src/chunked.ts";
import { HeaderBlock } from "../src/header-block.ts";

const limits = { maxHeaderBytes: 8_192, maxHeaderLines: 1_000 };

interface Decoded {
  readonly content: string;
  readonly pieces: number;
  readonly trailers: string[] | undefined;
  readonly done: boolean;
  readonly error: string | undefined;
  /** Bytes behind the body. */
  readonly rest: string;
}

/** Feeds the bytes cut at these places. */
function decode(bytes: Buffer, at: readonly number[] = []): Decoded {
  const decoder = new ChunkedDecoder(new HeaderBlock(limits));
  const cuts = [...new Set(at)].filter((cut) => cut < bytes.length).sort((a, b) => a - b);
  let content = "";
  let pieces = 0;
  let end = 0;
  for (const [i, start] of [0, ...cuts].entries()) {
    // A copy, since it decodes in place.
    const piece = Buffer.from(bytes.subarray(start, cuts[i] ?? bytes.length));
    const next = decoder.decode(piece, 0, piece.length);
    if (decoder.dataEnd > decoder.dataStart) pieces++;
    content += piece.toString("latin1", decoder.dataStart, decoder.dataEnd);
    end = start + next;
    if (decoder.done || decoder.error !== undefined) break;
    expect(next).toBe(piece.length);
  }
  return {
    content,
    pieces,
    trailers: decoder.trailers?.toFlat(),
    done: decoder.done,
    error: decoder.error?.code,
    rest: bytes.toString("latin1", end),
  };
}

function encode(chunks: readonly Uint8Array[], trailers?: Headers): Buffer {
  const parts: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (chunk.length > 0) parts.push(Buffer.from(chunkHead(chunk.length)), chunk, Buffer.from(chunkEnd));
  }
  return Buffer.concat([...parts, Buffer.from(lastChunk(trailers), "latin1")]);
}

const arbChunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
const arbCuts = fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 12 });

describe("the chunked coding", () => {
  it("gives back what was put in, in any chunks and any pieces", () => {
    fc.assert(
      fc.property(arbChunks, arbCuts, fc.boolean(), (chunks, cuts, trailed) => {
        const bytes = encode(chunks, trailed ? Headers.of("X-Sum", "1", "x-other", "") : undefined);
        const decoded = decode(Buffer.concat([bytes, Buffer.from("GET /")]), cuts);
        expect(decoded).toMatchObject({
          content: Buffer.concat(chunks).toString("latin1"),
          trailers: trailed ? ["X-Sum", "1", "x-other", ""] : undefined,
          done: true,
          error: undefined,
          rest: "GET /",
        });
      }),
      { numRuns: 1_000 },
    );
  });

  it("hands on the content of many chunks that came together as one piece", () => {
    const bytes = encode(Array.from({ length: 1_000 }, (_, i) => Buffer.from([i & 255])));
    expect(decode(bytes).pieces).toBe(1);
  });

  it("comes to the same result with hostile bytes, however they are cut", () => {
    const pieces = [
      "0",
      "5",
      "a",
      "\r",
      "\n",
      "\r\n",
      ";",
      "=",
      '"',
      "\\",
      " ",
      "abcde",
      "0\r\n\r\n",
      "x: y\r\n",
      "\xff",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 20 }), arbCuts, (parts, cuts) => {
        const bytes = Buffer.from(`3\r\nabc\r\n${parts.join("")}`, "latin1");
        const { pieces: _, rest: __, ...whole } = decode(bytes);
        expect(decode(bytes, cuts)).toMatchObject(whole);
      }),
      { numRuns: 2_000 },
    );
  });

  it("checks without a change to the bytes, and comes to the same error", () => {
    fc.assert(
      fc.property(arbChunks, fc.constantFrom("", "x", "\r\n", "5\r\nab"), (chunks, more) => {
        const bytes = Buffer.concat([encode(chunks).subarray(0, -5), Buffer.from(more)]);
        const before = Buffer.from(bytes);
        const { error } = decode(bytes);
        let thrown: string | undefined;
        try {
          new ChunkedDecoder(new HeaderBlock(limits)).check(bytes, 0, bytes.length);
        } catch (caught) {
          thrown = (caught as { code: string }).code;
        }
        expect(thrown).toBe(error);
        expect(bytes.equals(before)).toBe(true);
      }),
    );
  });

  it("A34: bounds the extensions of a whole message, not of a chunk", () => {
    const chunk = `1;${"a".repeat(1_000)}\r\nx\r\n`;
    expect(decode(Buffer.from(`${chunk.repeat(16)}0\r\n\r\n`)).done).toBe(true);
    expect(decode(Buffer.from(`${chunk.repeat(17)}0\r\n\r\n`)).error).toBe("WEFT_PROTOCOL_FRAMING");
  });

  it("bounds trailers that come byte by byte", () => {
    const bytes = Buffer.from(`0\r\nx: ${"y".repeat(9_000)}\r\n\r\n`);
    expect(
      decode(
        bytes,
        Array.from({ length: 9_000 }, (_, i) => i + 1),
      ).error,
    ).toBe("WEFT_PROTOCOL_HEADERS_TOO_LARGE");
  });

  it("writes no trailer that frames or routes", () => {
    expect(lastChunk(Headers.of("Content-Length", "1", "host", "x", "L5d-Dtab", "y", "x-sum", "1"))).toBe(
      "0\r\nx-sum: 1\r\n\r\n",
    );
  });
});
