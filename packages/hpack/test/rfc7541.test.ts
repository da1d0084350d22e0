import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { HeaderDecoder, HeaderEncoder, HpackError, Pseudo } from "@weftmesh/hpack";
import { HeaderField, Headers, headerField, Indexing } from "@weftmesh/http";
import { describe, expect, it } from "vitest";
import { decodeBlock, encodeBlock, hex, literal, type Pair } from "./blocks.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
setFlagsFromString("--no-expose-gc");

const decode = (text: string, decoder = new HeaderDecoder()): readonly Pair[] => decodeBlock(decoder, hex(text)).fields;
const refused = (text: string, decoder = new HeaderDecoder()): void => {
  expect(() => decodeBlock(decoder, hex(text))).toThrow(HpackError);
};

describe("RFC 7541 section 2: lists and tables", () => {
  it("2.1: fields come in the order of the block, and repeats stay repeats", () => {
    expect(decode(`${literal("b", "1")}${literal("a", "2")}${literal("b", "1")}`)).toEqual([
      ["b", "1"],
      ["a", "2"],
      ["b", "1"],
    ]);
  });

  it("2.3.1: every index from 1 to 61 is an entry of the static table", () => {
    const fields = decode(Array.from({ length: 61 }, (_, i) => (0x81 + i).toString(16)).join(""));
    expect(fields.length).toBe(61);
    expect(fields[0]).toEqual([":authority", ""]);
    expect(fields[15]).toEqual(["accept-encoding", "gzip, deflate"]);
    expect(fields[60]).toEqual(["www-authenticate", ""]);
    expect(fields.filter(([, value]) => value !== "").length).toBe(14);
  });

  it("2.3.2: the newest entry has the lowest index, and the table may hold one field twice", () => {
    const decoder = new HeaderDecoder();
    decode(`${literal("a", "1", 0x40)}${literal("a", "2", 0x40)}${literal("a", "1", 0x40)}`, decoder);
    expect(decode("bebfc0", decoder)).toEqual([
      ["a", "1"],
      ["a", "2"],
      ["a", "1"],
    ]);
    expect(decoder.tableBytes).toBe(3 * 34);
  });

  it("2.3.3: an index beyond both tables is an error, as field and as name", () => {
    refused("be");
    refused("7e01780179");
    refused("0f2f0178");
    const decoder = new HeaderDecoder();
    decode(literal("a", "1", 0x40), decoder);
    expect(decode("be", decoder)).toEqual([["a", "1"]]);
    refused("bf", decoder);
  });
});

describe("RFC 7541 section 4: the size of the dynamic table", () => {
  it("4.1: an entry counts 32 octets more than its name and its value have without Huffman coding", () => {
    const decoder = new HeaderDecoder();
    decode(literal("name", "value", 0x40), decoder);
    expect(decoder.tableBytes).toBe(4 + 5 + 32);
    // custom-key: custom-value in the Huffman code.
    decode("408825a849e95ba97d7f8925a849e95bb8e8b4bf", decoder);
    expect(decoder.tableBytes).toBe(41 + 10 + 12 + 32);
  });

  it("4.2: the size may change at the beginning of a block, twice too", () => {
    expect(decode("20", new HeaderDecoder())).toEqual([]);
    expect(decode("203fe11f82")).toEqual([[":method", "GET"]]);
  });

  it("4.2: a change behind a field is an error", () => {
    refused("8220");
    refused(`${literal("a", "1", 0x40)}3fe11f`);
  });

  it("B11: a table larger than our setting is an error", () => {
    refused("3fe21f");
    expect(decode("3fe11f")).toEqual([]);
    const small = new HeaderDecoder({ maxTableBytes: 100 });
    expect(decode("3fe11f", small)).toEqual([]);
    small.settingsAcknowledged();
    refused("3f46", small);
    const large = new HeaderDecoder({ maxTableBytes: 8192 });
    expect(decode("3fe13f", large)).toEqual([]);
    refused("3fe23f", new HeaderDecoder({ maxTableBytes: 8192 }));
  });

  it("4.2: where our setting is smaller than the table, the next block has to begin with a change", () => {
    const decoder = new HeaderDecoder({ maxTableBytes: 0 });
    expect(decode("82", decoder)).toEqual([[":method", "GET"]]);
    decoder.settingsAcknowledged();
    refused("82", decoder);
    const obeying = new HeaderDecoder({ maxTableBytes: 0 });
    obeying.settingsAcknowledged();
    expect(decode("2082", obeying)).toEqual([[":method", "GET"]]);
    expect(decode("82", obeying)).toEqual([[":method", "GET"]]);
  });

  it("4.2: the encoder says the smallest size since the last block, then the last one", () => {
    const encoder = new HeaderEncoder();
    const block = (): string => encodeBlock(encoder, () => {}).toString("hex");
    expect(block()).toBe("");
    encoder.setPeerTableBytes(0);
    encoder.setPeerTableBytes(4096);
    expect(block()).toBe("203fe11f");
    expect(block()).toBe("");
    encoder.setPeerTableBytes(100);
    encoder.setPeerTableBytes(50);
    encoder.setPeerTableBytes(80);
    expect(block()).toBe("3f133f31");
    encoder.setPeerTableBytes(90);
    expect(block()).toBe("3f3b");
    encoder.setPeerTableBytes(90);
    expect(block()).toBe("");
  });

  it("4.2: the encoder's first block says that its table is smaller than the peer takes it for", () => {
    const encoder = new HeaderEncoder({ maxTableBytes: 0 });
    expect(encodeBlock(encoder, () => {}).toString("hex")).toBe("20");
    encoder.setPeerTableBytes(65_536);
    expect(encodeBlock(encoder, () => {}).toString("hex")).toBe("");
  });

  it("the encoder never uses more table than the peer allows, nor than it was told to", () => {
    const encoder = new HeaderEncoder({ maxTableBytes: 1000 });
    encoder.setPeerTableBytes(65_536);
    for (let i = 0; i < 100; i++) {
      encodeBlock(encoder, () => encoder.field(new HeaderField(0, "name", `value ${i}`, Indexing.indexed)));
      expect(encoder.tableBytes).toBeLessThanOrEqual(1000);
    }
    expect(encoder.tableBytes).toBeGreaterThan(900);
    encoder.setPeerTableBytes(200);
    expect(encoder.tableBytes).toBeLessThanOrEqual(200);
  });

  it("4.3: a smaller size evicts the oldest entries, and 0 evicts all", () => {
    const decoder = new HeaderDecoder();
    decode(`${literal("a", "1", 0x40)}${literal("a", "2", 0x40)}${literal("a", "3", 0x40)}`, decoder);
    expect(decode("3f25bebf", decoder)).toEqual([
      ["a", "3"],
      ["a", "2"],
    ]);
    expect(decoder.tableBytes).toBe(68);
    refused("c0", decoder);
    decode("20", decoder);
    expect(decoder.tableBytes).toBe(0);
    refused("be", decoder);
  });

  it("4.4: a new entry evicts the oldest ones until it fits", () => {
    const decoder = new HeaderDecoder();
    decode(`3f25${literal("a", "1", 0x40)}${literal("a", "2", 0x40)}${literal("a", "3", 0x40)}`, decoder);
    expect(decode("bebf", decoder)).toEqual([
      ["a", "3"],
      ["a", "2"],
    ]);
    refused("c0", decoder);
  });

  it("4.4: an entry larger than the table empties it and is no error", () => {
    const decoder = new HeaderDecoder();
    decode(`3f25${literal("a", "1", 0x40)}`, decoder);
    expect(decode(literal("a", "x".repeat(100), 0x40), decoder)).toEqual([["a", "x".repeat(100)]]);
    expect(decoder.tableBytes).toBe(0);
  });

  it("4.4: a new entry may take its name from the entry that it evicts", () => {
    const decoder = new HeaderDecoder();
    decode(`3f09${literal("name", "1234", 0x40)}`, decoder);
    expect(decode("7e0435363738", decoder)).toEqual([["name", "5678"]]);
    expect(decode("be", decoder)).toEqual([["name", "5678"]]);
  });
});

describe("RFC 7541 section 5: integers and strings", () => {
  it("5.1: an integer may have leading zeros, within reason", () => {
    expect(decode("3f8000")).toEqual([]);
    expect(decode("ff808000", fourSixes())).toEqual([["k", "0"]]);
  });

  it("5.1: an integer of more than five octets, or one that is cut short, is an error", () => {
    refused("3f8080808000");
    refused("3f80808080");
    refused("ffffffffff7f");
    refused("ff");
    refused("ff80");
    refused("7f");
    refused("0f");
  });

  it("5.1: an integer that is too large for what it counts is an error, not an allocation", () => {
    refused("3fffffff7f");
    refused("ffffffff7f");
    refused("007fffffff7f");
    refused("00017f7fffffff7f");
  });

  it("5.2: a string that goes beyond the block is an error", () => {
    refused("0003616263");
    expect(decode("000361626300")).toEqual([["abc", ""]]);
    refused("0001610262");
    refused("00");
    refused("000161");
  });

  it("5.2: Huffman padding is at most seven ones", () => {
    // "a" is 00011, and three ones fill the octet.
    expect(decode("000178811f")).toEqual([["x", "a"]]);
    refused("000178811e");
    refused("0001788118");
    refused("000178821fff");
    refused("00017881ff");
    expect(decode("00017880")).toEqual([["x", ""]]);
  });

  it("5.2: the code that ends strings is an error, wherever it stands", () => {
    refused("00017884ffffffff");
    // "a" before it, and "a" after it.
    refused("000178851fffffffe3");
  });

  it("appendix B: every octet is read as it was written, and has a code of the length that the appendix gives", () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString("latin1");
    for (const octet of all) {
      // The digits before it are short enough for the whole to be worth coding.
      const value = `${"0".repeat(30)}${octet}`;
      const encoder = new HeaderEncoder();
      const block = encodeBlock(encoder, () => encoder.field(new HeaderField(0, "x", value, Indexing.indexed)));
      expect(block[3] as number, value).toBeGreaterThan(0x80);
      expect(decodeBlock(new HeaderDecoder(), block).fields).toEqual([["x", value]]);
    }
  });
});

describe("RFC 7541 section 6: representations", () => {
  it("6.1: index 0 is an error", () => {
    refused("80");
  });

  it("6.2.1: a literal with indexing goes into the table, with a name of its own or one of a table", () => {
    const decoder = new HeaderDecoder();
    expect(decode(`${literal("a", "1", 0x40)}7e0132`, decoder)).toEqual([
      ["a", "1"],
      ["a", "2"],
    ]);
    expect(decode("580133bebfc0", decoder)).toEqual([
      ["cache-control", "3"],
      ["cache-control", "3"],
      ["a", "2"],
      ["a", "1"],
    ]);
  });

  it("6.2.2 and 6.2.3: other literals leave the table alone", () => {
    const decoder = new HeaderDecoder();
    decode(`${literal("a", "1")}${literal("a", "1", 0x10)}0f090133`, decoder);
    expect(decoder.tableBytes).toBe(0);
  });

  it("6.2.3: what came never indexed goes on never indexed, even where the static table has it", () => {
    const decoder = new HeaderDecoder();
    const encoder = new HeaderEncoder();
    for (const block of [literal("a", "1", 0x10), `1203474554`, `1f0900`]) {
      const { objects } = decodeBlock(decoder, hex(block));
      expect(objects[0]?.neverIndexed).toBe(true);
      for (let again = 0; again < 3; again++) {
        const onward = encodeBlock(encoder, () => encoder.field(objects[0] as HeaderField));
        expect((onward[0] as number) & 0xf0).toBe(0x10);
        expect(decodeBlock(new HeaderDecoder(), onward).fields).toEqual(
          decodeBlock(new HeaderDecoder(), hex(block)).fields,
        );
      }
    }
  });

  it("6: what came indexed is indexed, and what came without goes on without", () => {
    const decoder = new HeaderDecoder();
    const encoder = new HeaderEncoder();
    const [indexed, not] = decodeBlock(decoder, hex(`${literal("a", "1", 0x40)}${literal("b", "2")}`)).objects;
    const forward = (): string =>
      encodeBlock(encoder, () => {
        encoder.field(indexed as HeaderField);
        encoder.field(not as HeaderField);
      }).toString("hex");
    expect(forward()).toBe(`${literal("a", "1", 0x40)}${literal("b", "2")}`);
    expect(forward()).toBe(`be${literal("b", "2")}`);
    expect(forward()).toBe(`be${literal("b", "2")}`);
  });

  it("6: the field of a table is the same object each time, and so is a short literal that comes again", () => {
    const one = new HeaderDecoder();
    const other = new HeaderDecoder();
    const [first] = decodeBlock(one, hex(literal("a", "same", 0x40))).objects;
    expect(decodeBlock(one, hex("be")).objects[0]).toBe(first);
    expect(decodeBlock(other, hex(literal("a", "same", 0x40))).objects[0]).toBe(first);
    // In another mode it is another field.
    expect(decodeBlock(other, hex(literal("a", "same"))).objects[0]).not.toBe(first);
  });
});

describe("RFC 7541 section 7.1: secrets", () => {
  it("credentials and short cookies are in no table, whoever sends them, and never indexed onward", () => {
    const encoder = new HeaderEncoder();
    const rows: readonly Pair[] = [
      ["authorization", "Bearer abcdefghijklmnopqrstuvwxyz"],
      ["proxy-authorization", "Basic YTpi"],
      ["cookie", "pin=1234"],
      ["set-cookie", "pin=1234"],
    ];
    for (const [name, value] of rows) {
      for (let again = 0; again < 3; again++) {
        const asText = encodeBlock(encoder, () => encoder.pair(name, value));
        const asReceived = encodeBlock(encoder, () => encoder.field(new HeaderField(0, name, value, Indexing.indexed)));
        const asOurs = encodeBlock(encoder, () => encoder.headers(Headers.of(name, value)));
        for (const block of [asText, asReceived, asOurs]) {
          expect((block[0] as number) & 0xf0).toBe(0x10);
          expect(decodeBlock(new HeaderDecoder(), block).objects[0]?.neverIndexed).toBe(true);
        }
      }
    }
    expect(encoder.tableBytes).toBe(0);
  });

  it("a long cookie may be indexed", () => {
    const encoder = new HeaderEncoder();
    const value = "session=0123456789abcdef0123456789abcdef";
    encodeBlock(encoder, () => encoder.field(new HeaderField(0, "cookie", value, Indexing.indexed)));
    expect(encoder.tableBytes).toBe(6 + value.length + 32);
  });

  it("secrets are not shared between connections", () => {
    const block = hex(literal("authorization", "Basic YTpi", 0x40));
    const [one] = decodeBlock(new HeaderDecoder(), block).objects;
    const [other] = decodeBlock(new HeaderDecoder(), block).objects;
    expect(other).not.toBe(one);
    expect(other?.value).toBe(one?.value);
  });
});

describe("what nobody said how to index", () => {
  it("goes into the table when it comes for the second time", () => {
    const encoder = new HeaderEncoder();
    const sizes = [1, 2, 3].map(() => encodeBlock(encoder, () => encoder.pair("X-Custom", "some value")).length);
    // The value as it is, then in the Huffman code and into the table, then its index.
    expect(sizes).toEqual([19, 16, 1]);
    const field = headerField("X-Other", "another value");
    const kinds = [1, 2, 3].map(() => encodeBlock(encoder, () => encoder.field(field))[0]);
    expect(kinds).toEqual([0x00, 0x40, 0xbe]);
  });

  it("does not push out what is used where it never comes again", () => {
    const encoder = new HeaderEncoder();
    const used = new HeaderField(0, "x-used", "often", Indexing.indexed);
    encodeBlock(encoder, () => encoder.field(used));
    for (let i = 0; i < 5000; i++) encodeBlock(encoder, () => encoder.pair("x-request-id", `request ${i}`));
    expect(encodeBlock(encoder, () => encoder.field(used)).length).toBe(1);
  });

  it("is found in the static table", () => {
    const encoder = new HeaderEncoder();
    const block = encodeBlock(encoder, () => {
      encoder.pair(":status", "200");
      encoder.pair(":method", "POST");
      encoder.pair("Accept-Encoding", "gzip, deflate");
      encoder.field(headerField("accept-encoding", "gzip, deflate"));
    });
    expect(block.toString("hex")).toBe("88839090");
  });

  it("goes out in lower case though somebody sent the name in upper case before", () => {
    expect(decodeBlock(new HeaderDecoder(), hex(literal("X-SHOUTED", "1"))).objects[0]?.malformed).toBeTypeOf("string");
    const encoder = new HeaderEncoder();
    const block = encodeBlock(encoder, () => {
      encoder.pair("X-SHOUTED", "1");
      encoder.field(headerField("X-SHOUTED", "2"));
    });
    expect(decodeBlock(new HeaderDecoder(), block).fields).toEqual([
      ["x-shouted", "1"],
      ["x-shouted", "2"],
    ]);
  });

  it("goes out in lower case, received by HTTP/1 or made by us", () => {
    const encoder = new HeaderEncoder();
    const text = "X-One: 1\r\nX-TWO:2\r\n";
    const headers = new Headers(text, [0, 0, 5, 7, 8, 0, 10, 15, 16, 17]).add("X-Three", "3").set("Host", "web");
    const { fields } = decodeBlock(
      new HeaderDecoder(),
      encodeBlock(encoder, () => encoder.headers(headers)),
    );
    expect(fields).toEqual([
      ["x-one", "1"],
      ["x-two", "2"],
      ["x-three", "3"],
      ["host", "web"],
    ]);
  });
});

describe("malformed fields (RFC 9113 section 8.2 and 8.3) do not end the connection", () => {
  const malformed = (name: string, value: string): string | undefined => {
    const { objects } = decodeBlock(new HeaderDecoder(), hex(literal(name, value)));
    expect(objects[0]?.value).toBe(value);
    return objects[0]?.malformed;
  };

  it("B17: names in upper case, empty ones and those that are no token", () => {
    for (const name of [
      "A",
      "content-Type",
      "",
      "a b",
      "a:b",
      "a\0",
      "a\r",
      "é",
      'a"',
      ":",
      ":unknown",
      ":Path",
      "a\x7f",
    ]) {
      expect(malformed(name, "v"), name).toBeTypeOf("string");
    }
    for (const name of ["a", "x-1_2", "content-type", "!#$%&'*+-.^`|~"])
      expect(malformed(name, "v"), name).toBe(undefined);
  });

  it("B21: values with CR, LF, NUL or another control character, and blanks at either end", () => {
    for (const value of ["a\rb", "a\nb", "a\0b", "\x01", "a\x7f", " a", "a ", "\ta", "a\t", " "]) {
      expect(malformed("x", value), JSON.stringify(value)).toBeTypeOf("string");
    }
    for (const value of ["", "a b", "a\tb", "é", "\xff"]) expect(malformed("x", value), value).toBe(undefined);
  });

  it("B18: what is meant for one hop alone", () => {
    for (const name of ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]) {
      expect(malformed(name, "x"), name).toBeTypeOf("string");
    }
    expect(malformed("te", "gzip")).toBeTypeOf("string");
    expect(malformed("te", "trailers, deflate")).toBeTypeOf("string");
    expect(malformed("te", "trailers")).toBe(undefined);
    const { objects } = decodeBlock(new HeaderDecoder(), hex("b9"));
    expect(objects[0]?.malformed).toContain("transfer-encoding");
  });

  it("B16 and B20: pseudo-headers whose value cannot be one", () => {
    for (const path of ["", "a", "http://x/", "/a b", "/a\r\nb", "/\0", " /", "/\x7f", "**"]) {
      expect(malformed(":path", path), path).toBeTypeOf("string");
    }
    for (const path of ["/", "*", "/a?b=c", "//"]) expect(malformed(":path", path), path).toBe(undefined);
    for (const method of ["", "G T", "GET\n", "GET/"])
      expect(malformed(":method", method), method).toBeTypeOf("string");
    for (const status of ["", "20", "2000", "abc", "099", "+20"])
      expect(malformed(":status", status)).toBeTypeOf("string");
    for (const host of ["user@web", "a b", "web\n"]) expect(malformed(":authority", host)).toBeTypeOf("string");
    for (const host of ["web:80", "[::1]:80"]) expect(malformed(":authority", host)).toBe(undefined);
    expect(malformed(":scheme", "ht tp")).toBeTypeOf("string");
    expect(malformed(":protocol", "websocket")).toBe(undefined);
  });

  it("a pseudo-header is known by its id, in the static table and as a literal", () => {
    const ids = Object.entries(Pseudo).filter(([name]) => name !== "unknown");
    for (const [name, id] of ids) {
      expect(decodeBlock(new HeaderDecoder(), hex(literal(`:${name}`, "200"))).objects[0]?.id).toBe(id);
    }
    expect(decodeBlock(new HeaderDecoder(), hex("81828486888d")).objects.map((field) => field.id)).toEqual([
      ...[Pseudo.authority, Pseudo.method, Pseudo.path, Pseudo.scheme, Pseudo.status, Pseudo.status],
    ]);
    expect(decodeBlock(new HeaderDecoder(), hex(literal(":none", ""))).objects[0]?.id).toBe(Pseudo.unknown);
  });
});

describe("limits", () => {
  it("B10: of a list that is too long the sink gets what fits, and the table stays in step", () => {
    const decoder = new HeaderDecoder({ maxListBytes: 100 });
    const block = `${literal("a", "1", 0x40)}${literal("b", "2".repeat(40))}${literal("c", "3", 0x40)}`;
    const { fields, fits } = decodeBlock(decoder, hex(block));
    expect(fits).toBe(false);
    expect(fields).toEqual([["a", "1"]]);
    expect(decodeBlock(decoder, hex("bebf"))).toMatchObject({
      fits: true,
      fields: [
        ["c", "3"],
        ["a", "1"],
      ],
    });
  });

  it("a block that nobody wants is read for the table's sake, and its errors are errors", () => {
    const decoder = new HeaderDecoder();
    const block = hex(`${literal("a", "1", 0x40)}${literal("b", "2")}82${literal("c", "3", 0x40)}`);
    decoder.skip(block, 0, block.length);
    expect(decode("bebf", decoder)).toEqual([
      ["c", "3"],
      ["a", "1"],
    ]);
    for (const bad of ["80", "000161", "00017881ff", "c0", `82${literal("a", "1")}20`]) {
      expect(() => decoder.skip(hex(bad), 0, hex(bad).length), bad).toThrow(HpackError);
    }
  });

  it("B10: an indexed field that is repeated 60,000 times costs a look-up each, and the sink sees none beyond the limit", () => {
    const decoder = new HeaderDecoder({ maxListBytes: 65_536 });
    const big = "v".repeat(3_900);
    decode(`40016b7f${integerTail(3_900, 127)}${Buffer.from(big).toString("hex")}`, decoder);
    let seen = 0;
    const bomb = Buffer.alloc(60_000, 0xbe);
    expect(decoder.decode(bomb, 0, bomb.length, { onField: () => void seen++ })).toBe(false);
    expect(seen).toBe(Math.floor(65_536 / (1 + 3_900 + 32)));
  });

  it("B10: a flood of unique fields does not grow what is remembered", () => {
    const decoder = new HeaderDecoder();
    const round = (from: number): void => {
      for (let i = from; i < from + 30_000; i++)
        decode(literal(`x-${i}`, `value ${i} ${"x".repeat(80)}`, 0x40), decoder);
      collectGarbage();
    };
    round(0);
    const before = process.memoryUsage().heapUsed;
    round(30_000);
    round(60_000);
    expect(decoder.tableBytes).toBeLessThanOrEqual(4_096);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(4 * 1024 * 1024);
  });
});

/** A decoder whose index 127 is `k: 0`. */
function fourSixes(): HeaderDecoder {
  const decoder = new HeaderDecoder();
  decode(Array.from({ length: 66 }, (_, i) => literal("k", String(i % 10), 0x40)).join(""), decoder);
  return decoder;
}

function integerTail(value: number, prefix: number): string {
  let rest = value - prefix;
  let text = "";
  while (rest >= 128) {
    text += (0x80 | (rest & 0x7f)).toString(16).padStart(2, "0");
    rest >>= 7;
  }
  return text + rest.toString(16).padStart(2, "0");
}
