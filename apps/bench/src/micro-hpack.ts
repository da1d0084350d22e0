// What header compression costs per request of twelve headers: decoding, and encoding what was decoded, in the steady
// state of one connection. Run: npm run micro:hpack [-- --save]
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { HeaderDecoder, HeaderEncoder } from "@weftmesh/hpack";
import { HeaderField, Headers, Indexing } from "@weftmesh/http";

const { values } = parseArgs({ options: { save: { type: "boolean", default: false } } });

type Row = readonly [name: string, value: string, indexing?: Indexing];

const unary: readonly Row[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/grpc.testing.TestService/UnaryCall"],
  [":authority", "greeter.default.svc:8080"],
  ["te", "trailers"],
  ["content-type", "application/grpc"],
  ["user-agent", "grpc-node-js/1.12.6"],
  ["accept-encoding", "identity"],
  ["grpc-accept-encoding", "identity,deflate,gzip"],
  ["grpc-timeout", "4999m"],
  ["x-tenant", "acme"],
  ["x-api-version", "2024-11-01"],
];

const page: readonly Row[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "shop.example.com"],
  [":path", "/assets/catalogue/items.json?page=3", Indexing.notIndexed],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
  ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
  ["accept-language", "en-GB,en;q=0.8,de;q=0.6,fr;q=0.4"],
  ["accept-encoding", "gzip, deflate, br, zstd"],
  ["referer", "https://shop.example.com/catalogue"],
  ["cookie", "session=0f1e2d3c4b5a69788796a5b4c3d2e1f0; theme=dark; consent=yes"],
  ["sec-fetch-mode", "cors"],
  ["priority", "u=4"],
];

const hex = (i: number, digits: number): string => ((i * 2654435761) >>> 0).toString(16).padStart(digits, "7");

/** How the requests of one client differ from each other. */
const cases: Readonly<Record<string, (i: number) => readonly Row[]>> = {
  "gRPC, all in the table": () => unary,
  "gRPC, a deadline and a trace of each call's own": (i) =>
    unary.map(([name, value, indexing]) => {
      if (name === "grpc-timeout") return [name, `${4000 + (i % 1000)}m`];
      if (name === "x-tenant") return ["traceparent", `00-${hex(i, 32)}-${hex(i + 7, 16)}-01`, Indexing.notIndexed];
      return [name, value, indexing ?? Indexing.indexed];
    }),
  "browser, the same page": () => page,
  "browser, another path each time": (i) =>
    page.map(([name, value, indexing]) =>
      name === ":path"
        ? [name, `/assets/catalogue/${hex(i, 8)}.json?page=3`, Indexing.notIndexed]
        : [name, value, indexing ?? Indexing.indexed],
    ),
};

const requests = 2_000;

/** The blocks of one connection, in order, as a client sends them that indexes all it may. */
function blocksOf(rowsOf: (i: number) => readonly Row[]): Buffer[] {
  const encoder = new HeaderEncoder();
  const blocks: Buffer[] = [];
  for (let i = 0; i < requests; i++) {
    encoder.begin();
    for (const [name, value, indexing] of rowsOf(i)) {
      encoder.field(new HeaderField(0, name, value, indexing ?? Indexing.indexed));
    }
    blocks.push(Buffer.from(encoder.bytes.subarray(0, encoder.length)));
  }
  return blocks;
}

interface Cost {
  readonly what: string;
  readonly octets: number;
  readonly decodeNs: number;
  readonly encodeNs: number;
}

let sum = 0;
const count = {
  onField(field: HeaderField): void {
    sum += field.id;
  },
};

/** The least time of a pass over all requests, per request; the first passes warm up. */
function least(pass: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 60; round++) {
    const from = performance.now();
    pass();
    if (round >= 20) best = Math.min(best, performance.now() - from);
  }
  return (best * 1e6) / requests;
}

function measure(what: string, rowsOf: (i: number) => readonly Row[]): Cost {
  const blocks = blocksOf(rowsOf);
  const decoder = new HeaderDecoder();
  for (const block of blocks) decoder.decode(block, 0, block.length, count);
  const decodeNs = least(() => {
    const each = new HeaderDecoder();
    for (const block of blocks) each.decode(block, 0, block.length, count);
  });
  const bothNs = least(() => {
    const each = new HeaderDecoder();
    const encoder = new HeaderEncoder();
    for (const block of blocks) {
      encoder.begin();
      each.decode(block, 0, block.length, encoder);
      sum += encoder.length;
    }
  });
  const octets = (blocks.at(-1) as Buffer).length;
  return { what, octets, decodeNs: Math.round(decodeNs), encodeNs: Math.round(bothNs - decodeNs) };
}

const rows: Cost[] = Object.entries(cases).map(([what, rowsOf]) => measure(what, rowsOf));

/** What came by HTTP/1 and leaves by HTTP/2: text that is looked up each time. */
function measureText(): Cost {
  const text = page.filter(([name]) => name[0] !== ":").map(([name, value]) => `${name}: ${value}\r\n`);
  const spans: number[] = [];
  let at = 0;
  for (const line of text) {
    const colon = line.indexOf(":");
    spans.push(0, at, at + colon, at + colon + 2, at + line.length - 2);
    at += line.length;
  }
  const headers = new Headers(text.join(""), spans);
  const encoder = new HeaderEncoder();
  const encodeNs = least(() => {
    for (let i = 0; i < requests; i++) {
      encoder.begin();
      encoder.pair(":method", "GET");
      encoder.pair(":scheme", "https");
      encoder.pair(":authority", "shop.example.com");
      encoder.pair(":path", "/assets/catalogue/items.json?page=3");
      encoder.headers(headers);
    }
  });
  return { what: "browser, received by HTTP/1", octets: encoder.length, decodeNs: 0, encodeNs: Math.round(encodeNs) };
}
rows.push(measureText());

for (const { what, octets, decodeNs, encodeNs } of rows) {
  console.log(`${what.padEnd(50)} ${octets} octets, decode ${decodeNs} ns, encode ${encodeNs} ns`);
}
// Read, so that nothing above is work for nothing.
if (Number.isNaN(sum)) throw new Error("a block was not written");
if (values.save) {
  const results = join(dirname(fileURLToPath(import.meta.url)), "../results");
  mkdirSync(results, { recursive: true });
  const kept = { title: "HPACK, one request of twelve headers", node: process.version, rows };
  writeFileSync(join(results, "micro-hpack.json"), `${JSON.stringify(kept, null, 2)}\n`);
}
