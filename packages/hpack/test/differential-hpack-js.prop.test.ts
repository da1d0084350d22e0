import { HeaderDecoder, HeaderEncoder } from "@weftmesh/hpack";
import { HeaderField, Indexing } from "@weftmesh/http";
import fc from "fast-check";
import theirs, { type Header as TheirHeader } from "hpack.js";
import { describe, expect, it } from "vitest";
import { arbName, type Row } from "./arbitraries.ts";
import { decodeBlock, encodeBlock } from "./blocks.ts";

const arbText = fc.oneof(
  fc.constantFrom("", "/", "200", "GET", "gzip, deflate", "a", "b", "0123456789abcdefghijk"),
  fc.string({ unit: fc.integer({ min: 32, max: 126 }).map((c) => String.fromCharCode(c)), maxLength: 80 }),
  fc.string({ unit: fc.constantFrom(..."abc019 ;=/"), minLength: 100, maxLength: 1_500 }),
);
const arbRow: fc.Arbitrary<Row & { readonly huffman: boolean }> = fc.record({
  name: arbName,
  value: arbText,
  indexing: fc.constantFrom(1, 1, 1, 2, 3),
  huffman: fc.boolean(),
});
const arbBlocks = fc.array(fc.array(arbRow, { minLength: 1, maxLength: 12 }), { maxLength: 20 });
const arbTable = fc.constantFrom(0, 100, 300, 4_096);

describe("hpack.js", () => {
  it("reads what we write: the same lists, and what is never indexed as such", () => {
    fc.assert(
      fc.property(arbBlocks, arbTable, (blocks, size) => {
        const encoder = new HeaderEncoder();
        encoder.setPeerTableBytes(size);
        const decompressor = theirs.decompressor.create({ table: { maxSize: 4_096 } });
        for (const rows of blocks) {
          const block = encodeBlock(encoder, () => {
            for (const { name, value, indexing } of rows) encoder.field(new HeaderField(0, name, value, indexing));
          });
          decompressor.write(block);
          decompressor.execute();
          const got: TheirHeader[] = [];
          for (let next = decompressor.read(); next !== null; next = decompressor.read()) got.push(next);
          expect(got.map(({ name, value }) => [name, value])).toEqual(rows.map(({ name, value }) => [name, value]));
          for (const [i, { indexing }] of rows.entries()) {
            if (indexing === Indexing.never) expect(got[i]?.neverIndex).toBe(true);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("writes what we read: the same lists in the same forms, with its table emptied now and then", () => {
    fc.assert(
      fc.property(arbBlocks, fc.infiniteStream(fc.nat(5)), (blocks, chance) => {
        const compressor = theirs.compressor.create({ table: { maxSize: 4_096 } });
        const decoder = new HeaderDecoder();
        for (const rows of blocks) {
          if (chance.next().value === 0) compressor.reset();
          compressor.write(
            rows.map(({ name, value, indexing, huffman }) => ({
              name,
              value,
              huffman,
              incremental: indexing === Indexing.indexed,
              neverIndex: indexing === Indexing.never,
            })),
          );
          const parts: Buffer[] = [];
          for (let next = compressor.read(); next !== null; next = compressor.read()) parts.push(next);
          const { fields, objects } = decodeBlock(decoder, Buffer.concat(parts));
          expect(fields).toEqual(rows.map(({ name, value }) => [name, value]));
          for (const [i, { indexing }] of rows.entries()) {
            expect(objects[i]?.neverIndexed).toBe(indexing === Indexing.never);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
