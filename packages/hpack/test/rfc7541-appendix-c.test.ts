import { HeaderDecoder, HeaderEncoder } from "@weftmesh/hpack";
import { HeaderField, Indexing } from "@weftmesh/http";
import { describe, expect, it } from "vitest";
import { decodeBlock, hex, type Pair } from "./blocks.ts";

interface Step {
  readonly title: string;
  readonly block: string;
  readonly fields: readonly Pair[];
  /** Octets in the table afterwards. */
  readonly tableBytes: number;
  /** Where our encoder writes other octets. */
  readonly ours?: string;
}

const requestFields: readonly (readonly Pair[])[] = [
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
  ],
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
    ["cache-control", "no-cache"],
  ],
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ],
];
const first = "Mon, 21 Oct 2013 20:13:21 GMT";
const third = "Mon, 21 Oct 2013 20:13:22 GMT";
const place = "https://www.example.com";
const crumb = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const responseFields: readonly (readonly Pair[])[] = [
  [
    [":status", "302"],
    ["cache-control", "private"],
    ["date", first],
    ["location", place],
  ],
  [
    [":status", "307"],
    ["cache-control", "private"],
    ["date", first],
    ["location", place],
  ],
  [
    [":status", "200"],
    ["cache-control", "private"],
    ["date", third],
    ["location", place],
    ["content-encoding", "gzip"],
    ["set-cookie", crumb],
  ],
];

/** Each with one decoder over all of its blocks; the last two with a table of 256 octets. */
const sequences: readonly {
  readonly title: string;
  readonly maxTableBytes?: number;
  readonly steps: readonly Step[];
}[] = [
  {
    title: "C.3 requests without Huffman coding",
    steps: [
      { title: "C.3.1", block: "828684410f7777772e6578616d706c652e636f6d", fields: requestFields[0]!, tableBytes: 57 },
      { title: "C.3.2", block: "828684be58086e6f2d6361636865", fields: requestFields[1]!, tableBytes: 110 },
      {
        title: "C.3.3",
        block: "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        fields: requestFields[2]!,
        tableBytes: 164,
      },
    ],
  },
  {
    title: "C.4 requests with Huffman coding",
    steps: [
      { title: "C.4.1", block: "828684418cf1e3c2e5f23a6ba0ab90f4ff", fields: requestFields[0]!, tableBytes: 57 },
      { title: "C.4.2", block: "828684be5886a8eb10649cbf", fields: requestFields[1]!, tableBytes: 110 },
      {
        title: "C.4.3",
        block: "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        fields: requestFields[2]!,
        tableBytes: 164,
      },
    ],
  },
  {
    title: "C.5 responses without Huffman coding",
    maxTableBytes: 256,
    steps: [
      {
        title: "C.5.1",
        block: `4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54
                6e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
        fields: responseFields[0]!,
        tableBytes: 222,
      },
      { title: "C.5.2", block: "4803333037c1c0bf", fields: responseFields[1]!, tableBytes: 222 },
      {
        title: "C.5.3",
        block: `88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a
                4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31`,
        fields: responseFields[2]!,
        tableBytes: 215,
      },
    ],
  },
  {
    title: "C.6 responses with Huffman coding",
    maxTableBytes: 256,
    steps: [
      {
        title: "C.6.1",
        block: `488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82
                ae43d3`,
        fields: responseFields[0]!,
        tableBytes: 222,
      },
      {
        title: "C.6.2",
        block: "4883640effc1c0bf",
        fields: responseFields[1]!,
        tableBytes: 222,
        // 307 has three octets in either form, and one of them needs no decoding.
        ours: "4803333037c1c0bf",
      },
      {
        title: "C.6.3",
        block: `88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960
                d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007`,
        fields: responseFields[2]!,
        tableBytes: 215,
      },
    ],
  },
];

describe("the examples of RFC 7541 appendix C", () => {
  it("C.1 integers: 10 in five bits, 1337 in five bits, 42 at the beginning of an octet", () => {
    // As sizes of a table, whose integer stands in five bits; 42 as the length of a string does in seven of eight.
    const decoder = new HeaderDecoder();
    expect(decodeBlock(decoder, hex("2a")).fields).toEqual([]);
    expect(decodeBlock(decoder, hex("3f9a0a")).fields).toEqual([]);
    expect(decodeBlock(decoder, Buffer.concat([hex("00016b2a"), Buffer.alloc(42, "v")])).fields).toEqual([
      ["k", "v".repeat(42)],
    ]);
    const encoder = new HeaderEncoder();
    encoder.setPeerTableBytes(10);
    encoder.begin();
    expect(written(encoder)).toBe("2a");
    encoder.setPeerTableBytes(1337);
    encoder.begin();
    expect(written(encoder)).toBe("3f9a0a");
  });

  const single = [
    {
      title: "C.2.1 literal with indexing",
      block: "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
      name: "custom-key",
      value: "custom-header",
      indexing: Indexing.indexed,
      tableBytes: 55,
    },
    {
      title: "C.2.2 literal without indexing",
      block: "040c2f73616d706c652f70617468",
      name: ":path",
      value: "/sample/path",
      indexing: Indexing.notIndexed,
      tableBytes: 0,
    },
    {
      title: "C.2.3 literal never indexed",
      block: "100870617373776f726406736563726574",
      name: "password",
      value: "secret",
      indexing: Indexing.never,
      tableBytes: 0,
    },
    { title: "C.2.4 indexed", block: "82", name: ":method", value: "GET", indexing: Indexing.indexed, tableBytes: 0 },
  ];
  for (const { title, block, name, value, indexing, tableBytes } of single) {
    it(title, () => {
      const decoder = new HeaderDecoder();
      const got: HeaderField[] = [];
      expect(decoder.decode(hex(block), 0, hex(block).length, { onField: (field) => void got.push(field) })).toBe(true);
      expect(got.map((field) => [field.name, field.value, field.indexing, field.malformed])).toEqual([
        [name, value, indexing, undefined],
      ]);
      expect(decoder.tableBytes).toBe(tableBytes);
    });
  }

  for (const { title, maxTableBytes, steps } of sequences) {
    it(`${title}: decoded`, () => {
      const decoder = new HeaderDecoder(maxTableBytes === undefined ? {} : { maxTableBytes });
      if (maxTableBytes !== undefined) {
        decoder.settingsAcknowledged();
        decodeBlock(decoder, hex("3fe101"));
      }
      for (const step of steps) {
        expect(decodeBlock(decoder, hex(step.block)).fields, step.title).toEqual(step.fields);
        expect(decoder.tableBytes, step.title).toBe(step.tableBytes);
      }
    });
  }

  // The encoder of the examples indexes whatever it can, Huffman coding where that is shorter.
  for (const { title, maxTableBytes, steps } of [sequences[1]!, sequences[3]!]) {
    it(`${title}: encoded to the same octets`, () => {
      const encoder = new HeaderEncoder(maxTableBytes === undefined ? {} : { maxTableBytes });
      encoder.begin();
      for (const step of steps) {
        encoder.begin();
        for (const [name, value] of step.fields) encoder.field(new HeaderField(0, name, value, Indexing.indexed));
        expect(written(encoder), step.title).toBe(step.ours ?? step.block.replace(/\s/g, ""));
        expect(encoder.tableBytes, step.title).toBe(step.tableBytes);
      }
    });
  }
});

function written(encoder: HeaderEncoder): string {
  return encoder.bytes.subarray(0, encoder.length).toString("hex");
}
