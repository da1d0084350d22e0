import { HeaderDecoder, HeaderEncoder, HpackError } from "@weftmesh/hpack";
import { HeaderField } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbRow } from "./arbitraries.ts";
import { decodeBlock, encodeBlock } from "./blocks.ts";

/** Octets, in which those that begin a representation are common. */
const arbBytes = fc.array(
  fc.oneof(
    fc.nat(255),
    fc.constantFrom(0x00, 0x10, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0x82, 0xbe, 0xff),
    fc.constantFrom(0x01, 0x61, 0x81, 0x84),
  ),
  { maxLength: 120 },
);

describe("HeaderDecoder", () => {
  it("throws nothing but HpackError on any octets, calls the sink only within the limit, and keeps its table small", () => {
    fc.assert(
      fc.property(fc.array(arbBytes, { minLength: 1, maxLength: 5 }), fc.nat(400), (blocks, maxListBytes) => {
        const decoder = new HeaderDecoder({ maxListBytes });
        for (const block of blocks) {
          let listed = 0;
          try {
            const fits = decoder.decode(Uint8Array.from(block), 0, block.length, {
              onField: ({ name, value }) => {
                listed += name.length + value.length + 32;
              },
            });
            if (fits) expect(listed).toBeLessThanOrEqual(maxListBytes);
          } catch (error) {
            expect(error).toBeInstanceOf(HpackError);
            return;
          } finally {
            expect(listed).toBeLessThanOrEqual(maxListBytes);
            expect(decoder.tableBytes).toBeLessThanOrEqual(4_096);
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it("reads a block wherever it stands in the bytes, and nothing around it", () => {
    fc.assert(
      fc.property(fc.array(arbRow, { maxLength: 8 }), fc.uint8Array(), fc.uint8Array(), (rows, before, after) => {
        const encoder = new HeaderEncoder();
        const block = encodeBlock(encoder, () => {
          for (const row of rows) encoder.field(new HeaderField(0, row.name, row.value, row.indexing));
        });
        const got: [string, string][] = [];
        const bytes = Buffer.concat([before, block, after]);
        new HeaderDecoder().decode(bytes, before.length, before.length + block.length, {
          onField: ({ name, value }) => void got.push([name, value]),
        });
        expect(got).toEqual(rows.map((row) => [row.name, row.value]));
      }),
    );
  });

  it("refuses a block that is cut short within a field, and reads one that is cut between two", () => {
    fc.assert(
      fc.property(fc.array(arbRow, { minLength: 1, maxLength: 8 }), fc.nat(), (rows, chance) => {
        const encoder = new HeaderEncoder();
        const ends: number[] = [0];
        const block = encodeBlock(encoder, () => {
          for (const row of rows) {
            encoder.field(new HeaderField(0, row.name, row.value, row.indexing));
            ends.push(encoder.length);
          }
        });
        const cut = chance % block.length;
        const read = (): unknown => decodeBlock(new HeaderDecoder(), block.subarray(0, cut)).fields.length;
        if (ends.includes(cut)) expect(read()).toBe(ends.indexOf(cut));
        else expect(read).toThrow(HpackError);
      }),
      { numRuns: 500 },
    );
  });

  it("has the same marks and the same table whether a field is remembered from another connection or not", () => {
    fc.assert(
      fc.property(fc.array(arbRow, { maxLength: 8 }), (rows) => {
        const block = encodeBlock(new HeaderEncoder(), (encoder) => {
          for (const row of rows) encoder.field(new HeaderField(0, row.name, row.value, row.indexing));
        });
        const shapes = [1, 2, 3].map(() => {
          const decoder = new HeaderDecoder();
          const { objects } = decodeBlock(decoder, block);
          return {
            bytes: decoder.tableBytes,
            objects: objects.map((f) => [f.name, f.value, f.id, f.indexing, f.malformed]),
          };
        });
        expect(shapes[1]).toEqual(shapes[0]);
        expect(shapes[2]).toEqual(shapes[0]);
      }),
    );
  });

  it("takes time that grows with the octets and not faster, for bombs of every form", () => {
    const forms: Record<string, (octets: number) => Buffer> = {
      "fields by index": (octets) => Buffer.alloc(octets, 0xbe),
      "changes of the table's size": (octets) => Buffer.alloc(octets, 0x20),
      "entries that evict all others": (octets) =>
        repeat(Buffer.concat([Buffer.from("400161", "hex"), long(3_900)]), octets),
      "entries as small as can be": (octets) => repeat(Buffer.from("400000", "hex"), octets),
      "one string": (octets) => Buffer.concat([Buffer.from("000161", "hex"), long(octets)]),
      // Four line feeds, of thirty bits each.
      "the longest codes": (octets) => {
        const codes = repeat(Buffer.from("fffffff3ffffffcfffffff3ffffffc", "hex"), octets);
        return Buffer.concat([Buffer.from("000161", "hex"), lengthOf(codes.length, 0x80), codes]);
      },
    };
    for (const [form, make] of Object.entries(forms)) {
      const time = (octets: number): number => {
        const block = make(octets);
        let best = Number.POSITIVE_INFINITY;
        for (let i = 0; i < 12; i++) {
          const decoder = new HeaderDecoder({ maxListBytes: 1_000 });
          decodeBlock(decoder, Buffer.from("4001610162", "hex"));
          const from = performance.now();
          decodeBlock(decoder, block);
          best = Math.min(best, performance.now() - from);
        }
        return best / block.length;
      };
      time(16_384);
      const small = time(32_768);
      // Eight times as many: the same time for each, with room for a busy machine.
      expect(time(262_144) / small, form).toBeLessThan(5);
    }
  });
});

/** So many octets of text, as a string without Huffman coding. */
function long(octets: number): Buffer {
  return Buffer.concat([lengthOf(octets, 0x00), Buffer.alloc(octets, "v")]);
}

/** How a string of more than 126 octets begins. */
function lengthOf(octets: number, coded: 0x00 | 0x80): Buffer {
  const head: number[] = [coded | 0x7f];
  let rest = octets - 0x7f;
  for (; rest >= 128; rest = rest >>> 7) head.push(0x80 | (rest & 0x7f));
  head.push(rest);
  return Buffer.from(head);
}

function repeat(part: Buffer, octets: number): Buffer {
  return Buffer.concat(new Array(Math.max(1, Math.floor(octets / part.length))).fill(part));
}
