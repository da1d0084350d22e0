import { HeaderDecoder, HeaderEncoder } from "@weftmesh/hpack";
import { HeaderField, Headers, Indexing } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbRow, arbSteps, arbValue, type Row } from "./arbitraries.ts";
import { decodeBlock, encodeBlock } from "./blocks.ts";

/** The same object for the same row, as a proxy has it; now and then one that only looks the same. */
class Fields {
  private readonly known = new Map<string, HeaderField>();

  of({ name, value, indexing }: Row, fresh: boolean): HeaderField {
    const key = JSON.stringify([name, value, indexing]);
    const known = fresh ? undefined : this.known.get(key);
    let field = known ?? new HeaderField(0, name, value, indexing);
    // With serial numbers that lead to few slots, so that fields push each other out of them.
    while ((field.serial & 255) >= 4) field = new HeaderField(0, name, value, indexing);
    this.known.set(key, field);
    return field;
  }
}

const pairs = (rows: readonly Row[]): (readonly [string, string])[] => rows.map((row) => [row.name, row.value]);

describe("an encoder and a decoder of ours", () => {
  it("agree on every list and on the size of the table, over any lists and changes of the table's size", () => {
    fc.assert(
      fc.property(
        arbSteps,
        fc.constantFrom(0, 100, 4_096, 8_192),
        fc.infiniteStream(fc.nat(9)),
        (steps, maxTableBytes, chance) => {
          const encoder = new HeaderEncoder({ maxTableBytes });
          const decoder = new HeaderDecoder({ maxTableBytes: 8_192 });
          const fields = new Fields();
          let allowed = 4_096;
          for (const step of steps) {
            if (step.kind === "table") {
              encoder.setPeerTableBytes(step.bytes);
              allowed = step.bytes;
              continue;
            }
            const block = encodeBlock(encoder, () => {
              for (const row of step.rows) {
                const how = chance.next().value as number;
                if (how === 0 && row.indexing !== Indexing.never) encoder.pair(row.name.toUpperCase(), row.value);
                else encoder.field(fields.of(row, how === 1));
              }
            });
            expect(decodeBlock(decoder, block).fields).toEqual(pairs(step.rows));
            expect(encoder.tableBytes).toBe(decoder.tableBytes);
            expect(encoder.tableBytes).toBeLessThanOrEqual(Math.min(allowed, maxTableBytes));
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it("any number of encoders know the same fields, each by its own table", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), fc.array(arbRow, { maxLength: 8 })), { maxLength: 40 }), (blocks) => {
        const pairsOf = [0, 300, 4_096].map((maxTableBytes) => ({
          encoder: new HeaderEncoder({ maxTableBytes }),
          decoder: new HeaderDecoder(),
        }));
        const fields = new Fields();
        for (const [which, rows] of blocks) {
          const { encoder, decoder } = pairsOf[which] as (typeof pairsOf)[0];
          const block = encodeBlock(encoder, () => {
            for (const row of rows) encoder.field(fields.of(row, false));
          });
          expect(decodeBlock(decoder, block).fields).toEqual(pairs(rows));
          expect(encoder.tableBytes).toBe(decoder.tableBytes);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("pass on what another pair sent: same fields, none that is never indexed by any other form", () => {
    fc.assert(
      fc.property(arbSteps, (steps) => {
        const client = new HeaderEncoder();
        const proxy = { decoder: new HeaderDecoder({ maxTableBytes: 8_192 }), encoder: new HeaderEncoder() };
        const server = new HeaderDecoder({ maxTableBytes: 8_192 });
        const fields = new Fields();
        for (const step of steps) {
          if (step.kind === "table") {
            proxy.encoder.setPeerTableBytes(step.bytes);
            continue;
          }
          const sent = encodeBlock(client, () => {
            for (const row of step.rows) client.field(fields.of(row, false));
          });
          const { objects } = decodeBlock(proxy.decoder, sent);
          const onward = encodeBlock(proxy.encoder, () => proxy.encoder.headers(Headers.ofFields([...objects])));
          const got = decodeBlock(server, onward);
          expect(got.fields).toEqual(pairs(step.rows));
          for (const [i, { indexing }] of step.rows.entries()) {
            if (indexing === Indexing.never) expect(got.objects[i]?.neverIndexed).toBe(true);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("a block that is forwarded again costs an octet for each field that came by index", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(arbRow, { minLength: 20, maxLength: 40, selector: (row) => row.name + row.value }),
        (rows) => {
          const encoder = new HeaderEncoder({ maxTableBytes: 65_536 });
          encoder.setPeerTableBytes(65_536);
          // Other objects each time: they are found by their text, and the same ones by identity.
          const fieldsOf = (): HeaderField[] =>
            rows.map((row) => new HeaderField(0, row.name, row.value, Indexing.indexed));
          const once = fieldsOf();
          const write = (fields = fieldsOf()): Buffer =>
            encodeBlock(encoder, () => {
              for (const field of fields) encoder.field(field);
            });
          write(once);
          const hidden = rows.filter((row) => row.name === "cookie" && row.value.length < 20 && row.value !== "");
          for (const block of [write(once), write()])
            expect(block.length - costOf(hidden)).toBe(rows.length - hidden.length);
        },
      ),
    );
  });
});

describe("headers received by HTTP/1", () => {
  it("go out as they were, in lower case, whatever was edited meanwhile", () => {
    const arbName = fc.constantFrom("Host", "X-A", "x-b", "Content-TYPE", "accept", "l5d-Dst-Service");
    // Long ones and such as the Huffman code makes longer among them.
    const arbText = fc.oneof(
      arbValue.filter((value) => /^[!-~]*$/.test(value)),
      fc.string({ unit: fc.constantFrom(..."{}<>^|~"), minLength: 20, maxLength: 60 }),
      fc.string({ unit: fc.constantFrom(..."abc"), minLength: 500, maxLength: 700 }),
    );
    const arbLines = fc.array(fc.tuple(arbName, arbText), { maxLength: 10 });
    fc.assert(
      fc.property(fc.array(arbLines, { maxLength: 6 }), arbName, (messages, dropped) => {
        const encoder = new HeaderEncoder();
        const decoder = new HeaderDecoder();
        for (const lines of messages) {
          const spans: number[] = [];
          let text = "";
          for (const [name, value] of lines) {
            const at = text.length;
            const valueAt = at + name.length + 1;
            spans.push(0, at, at + name.length, valueAt, valueAt + value.length);
            text += `${name}:${value}\r\n`;
          }
          const headers = new Headers(text, spans).delete(dropped).add("X-Added", "yes");
          const expected = [...headers].map(([name, value]) => [name.toLowerCase(), value]);
          expect(
            decodeBlock(
              decoder,
              encodeBlock(encoder, () => encoder.headers(headers)),
            ).fields,
          ).toEqual(expected);
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** What fields that are in no table take: a block of their own, from an encoder that has no table. */
function costOf(rows: readonly Row[]): number {
  const encoder = new HeaderEncoder({ maxTableBytes: 0 });
  encodeBlock(encoder, () => {});
  return encodeBlock(encoder, () => {
    for (const row of rows) encoder.field(new HeaderField(0, row.name, row.value, Indexing.indexed));
  }).length;
}
