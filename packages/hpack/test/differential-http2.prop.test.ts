import { createServer, type OutgoingHttpHeaders, type ServerHttp2Stream, sensitiveHeaders } from "node:http2";
import { Duplex } from "node:stream";
import { HeaderDecoder, HeaderEncoder } from "@weftmesh/hpack";
import { HeaderField, type Indexing } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBlock, encodeBlock, type Pair } from "./blocks.ts";

/** Two ends of a connection that needs no port. */
function connection(): readonly [Duplex, Duplex] {
  const end = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        other().push(chunk);
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
    });
  const near: Duplex = end(() => far);
  const far: Duplex = end(() => near);
  return [near, far];
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function tableSize(bytes: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(1, 0);
  payload.writeUInt32BE(bytes, 2);
  return payload;
}

interface Exchange {
  readonly request: readonly { readonly name: string; readonly value: string; readonly indexing: Indexing }[];
  readonly response: Readonly<Record<string, string>>;
  readonly secret: boolean;
}

const printable = fc.integer({ min: 33, max: 126 }).map((c) => String.fromCharCode(c));
const arbValue = fc.oneof(
  fc.constantFrom("a", "b", "gzip, deflate", "0123456789abcdefghijk"),
  fc.string({ unit: printable, minLength: 1, maxLength: 60 }),
  fc.string({ unit: printable, minLength: 100, maxLength: 900 }),
);
const arbName = fc.oneof(
  fc.constantFrom("x-a", "x-b", "accept-encoding", "cookie", "user-agent", "cache-control"),
  fc.string({ unit: fc.constantFrom(..."abcxyz019-"), minLength: 1, maxLength: 30 }).map((name) => `y-${name}`),
);
const arbExchange: fc.Arbitrary<Exchange> = fc.record({
  request: fc.array(fc.record({ name: arbName, value: arbValue, indexing: fc.constantFrom<Indexing>(0, 1, 1, 2, 3) }), {
    maxLength: 10,
  }),
  response: fc.dictionary(
    arbName.filter((name) => name !== "cookie"),
    arbValue,
    { maxKeys: 8, noNullPrototype: true },
  ),
  secret: fc.boolean(),
});

/** Sends the requests, encoded by us, to node:http2, which answers each one; what it read, and what we read of it. */
async function converse(
  exchanges: readonly Exchange[],
  sizes: { readonly theirs: number; readonly ours: number },
): Promise<{ readonly requests: (readonly Pair[])[]; readonly responses: ReturnType<typeof decodeBlock>[] }> {
  const [near, far] = connection();
  const server = createServer({ settings: { headerTableSize: sizes.theirs } });
  const requests: (readonly Pair[])[] = [];
  server.on("stream", (stream: ServerHttp2Stream, _headers: unknown, _flags: number, raw: readonly string[]) => {
    requests.push(pairsOf(raw));
    const { response, secret } = exchanges[requests.length - 1] as Exchange;
    const headers: OutgoingHttpHeaders & { [sensitiveHeaders]?: string[] } = { ":status": 200, ...response };
    if (secret) headers[sensitiveHeaders] = Object.keys(response);
    stream.respond(headers, { endStream: true, sendDate: false } as never);
  });
  server.emit("connection", far);

  const encoder = new HeaderEncoder({ maxTableBytes: 8_192 });
  const decoder = new HeaderDecoder({ maxTableBytes: sizes.ours });
  const responses: ReturnType<typeof decodeBlock>[] = [];
  near.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  near.write(frame(4, 0, 0, tableSize(sizes.ours)));
  const send = (): void => {
    encoder.setPeerTableBytes(sizes.theirs);
    for (const [i, { request }] of exchanges.entries()) {
      const block = encodeBlock(encoder, () => {
        for (const [name, value] of fixed) encoder.pair(name, value);
        for (const { name, value, indexing } of request) encoder.field(new HeaderField(0, name, value, indexing));
      });
      near.write(frame(1, 0x05, 1 + 2 * i, block));
    }
  };
  let held = Buffer.alloc(0);
  await new Promise<void>((resolve, reject) => {
    near.on("error", reject);
    near.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 9 && held.length >= 9 + held.readUIntBE(0, 3)) {
        const length = held.readUIntBE(0, 3);
        const type = held[3] as number;
        const flags = held[4] as number;
        const payload = held.subarray(9, 9 + length);
        held = held.subarray(9 + length);
        if (type === 4 && flags === 0) {
          near.write(frame(4, 1, 0, Buffer.alloc(0)));
          send();
        } else if (type === 4) decoder.settingsAcknowledged();
        else if (type === 1) responses.push(decodeBlock(decoder, payload));
        else if (type === 7 || type === 3) reject(new Error(`frame ${type}: ${payload.toString("hex")}`));
      }
      if (responses.length === exchanges.length) resolve();
    });
  });
  near.destroy();
  far.destroy();
  server.close();
  return { requests, responses };
}

const fixed: readonly Pair[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "web.example"],
  [":path", "/"],
];

function pairsOf(flat: readonly string[]): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i] as string, flat[i + 1] as string]);
  return pairs;
}

describe("node:http2", () => {
  it("reads the requests that we write, and we read its responses, with tables of any size on both sides", async () => {
    const arbSize = fc.constantFrom(0, 64, 300, 4_096, 8_192);
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbExchange, { minLength: 1, maxLength: 20 }),
        fc.record({ theirs: arbSize, ours: arbSize }),
        async (exchanges, sizes) => {
          const { requests, responses } = await converse(exchanges, sizes);
          for (const [i, { request, response, secret }] of exchanges.entries()) {
            const sent = [...fixed, ...request.map(({ name, value }): Pair => [name, value])];
            expect(requests[i]).toEqual(sent);
            const { fields, objects } = responses[i] as ReturnType<typeof decodeBlock>;
            expect(fields).toEqual([[":status", "200"], ...Object.entries(response)]);
            if (secret) expect(objects.slice(1).every((field) => field.neverIndexed)).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
