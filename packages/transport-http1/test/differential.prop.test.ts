import { Headers, keepTrailers } from "@weftmesh/http";
import { ManualClock, settle } from "@weftmesh/testkit";
import { hostilePayloads, validPayloads } from "@weftmesh/testkit/http1-payloads";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { isKnownMethod, Llhttp, type Parsed } from "./llhttp.ts";
import { memoryServer } from "./memory-server.ts";
import { type Recorded, Recorder } from "./recorder.ts";

const llhttp = new Llhttp();
afterAll(() => llhttp.close());

/** The requests that our server lets through whole. */
async function ours(bytes: Buffer): Promise<Recorded[]> {
  const recorder = new Recorder();
  const { wire } = memoryServer(recorder.service, new ManualClock());
  wire.feed(bytes);
  for (let i = 0; i < 3; i++) await settle();
  return recorder.complete;
}

/** Ours, as llhttp would have put it. */
function comparable(call: Recorded): unknown {
  return {
    method: call.method,
    path: call.path,
    version: call.version,
    headers: without(call.headers, []),
    body: call.body,
    trailers: call.trailers ?? [],
  };
}

/** Theirs, less what our server does on purpose: see the list of differences below. */
function expected(parsed: Parsed): unknown {
  const absolute = /^https?:\/\/[^/?]+(.*)$/i.exec(parsed.target);
  const rest = absolute?.[1];
  const path =
    rest === undefined
      ? parsed.target
      : rest === "" && parsed.method === "OPTIONS"
        ? "*"
        : rest.startsWith("/")
          ? rest
          : `/${rest}`;
  return {
    method: parsed.method,
    path,
    version: parsed.version,
    headers: without(parsed.headers, ["transfer-encoding"]),
    body: parsed.body,
    trailers: keepTrailers(Headers.of(...parsed.trailers)).toFlat(),
  };
}

/** Host is left out: an absolute target replaces it, which has tests of its own. */
function without(flat: readonly string[], names: readonly string[]): string[] {
  return flat.filter((_, i) => {
    const name = (flat[i - (i % 2)] as string).toLowerCase();
    return name !== "host" && !names.includes(name);
  });
}

const framingTrailer = /\r\n0+(?:;[^\r]*)?\r\n(?:[^\r\n]+\r\n)*(?:content-length|transfer-encoding|connection):/i;

async function agree(bytes: Buffer): Promise<number> {
  const mine = await ours(bytes);
  // A47: a method that nobody knows is forwarded; llhttp has a list of methods.
  if (mine.some(({ method }) => !isKnownMethod(method))) return 0;
  // A36: framing among the trailers is dropped; llhttp refuses the request for it.
  if (framingTrailer.test(bytes.toString("latin1"))) return 0;
  // A50: an upgrade is never taken up, so requests may follow; llhttp leaves what follows to the new protocol.
  if (mine.some(({ req }) => req.headers.has("upgrade"))) mine.length = 1;
  const theirs = await llhttp.parse(bytes);
  expect(mine.map(comparable), JSON.stringify(bytes.toString("latin1"))).toEqual(
    theirs.slice(0, mine.length).map(expected),
  );
  return mine.length;
}

const short = (bytes: string): boolean => bytes.length < 700;
/** Mostly good ones, so that enough of what the mutations leave is accepted. */
const arbBase = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...validPayloads.map(({ bytes }) => bytes).filter(short)) },
  { weight: 1, arbitrary: fc.constantFrom(...hostilePayloads.map(({ bytes }) => bytes).filter(short)) },
);

const pieces = [
  "\r\n",
  "\r",
  "\n",
  "\0",
  " ",
  "\t",
  ":",
  ";",
  ",",
  "\x0b",
  "\x7f",
  "\x80",
  "\xa0",
  "\xff",
  "0",
  "5",
  "a",
  "/",
  "#",
  "?",
  "\r\n\r\n",
  "Content-Length: 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding:chunked \r\n",
  "Connection: close\r\n",
  "Host: x\r\n",
  "X: y\r\n",
  "\r\n X",
  "HTTP/1.1",
  "HTTP/1.0",
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "0\r\n\r\n",
  "5\r\nabcde\r\n",
  "5;a=b\r\nabcde\r\n",
  '1;"\r\n',
] as const;

type Mutation = (text: string) => string;

/** A place, as a share of the text. Not fc.double, most of whose values lie next to 0. */
const arbAt = fc.integer({ min: 0, max: 9_999 }).map((share) => share / 10_000);
const arbMutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(arbAt, fc.constantFrom(...pieces)).map(
    ([at, piece]): Mutation =>
      (text) => {
        const i = Math.floor(at * text.length);
        return text.slice(0, i) + piece + text.slice(i);
      },
  ),
  fc.tuple(arbAt, fc.integer({ min: 1, max: 6 })).map(
    ([at, count]): Mutation =>
      (text) => {
        const i = Math.floor(at * text.length);
        return text.slice(0, i) + text.slice(i + count);
      },
  ),
  fc.tuple(arbAt, fc.integer({ min: 0, max: 255 })).map(
    ([at, byte]): Mutation =>
      (text) => {
        const i = Math.floor(at * text.length);
        return text.slice(0, i) + String.fromCharCode(byte) + text.slice(i + 1);
      },
  ),
  fc.tuple(arbAt, arbAt, arbAt).map(
    ([a, b, to]): Mutation =>
      (text) => {
        const [start, end] = [Math.floor(Math.min(a, b) * text.length), Math.floor(Math.max(a, b) * text.length)];
        const i = Math.floor(to * text.length);
        return text.slice(0, i) + text.slice(start, end) + text.slice(i);
      },
  ),
  // Whole lines change places.
  fc.tuple(arbAt, arbAt).map(
    ([a, b]): Mutation =>
      (text) => {
        const lines = text.split("\r\n");
        const [i, k] = [Math.floor(a * lines.length), Math.floor(b * lines.length)];
        [lines[i], lines[k]] = [lines[k] as string, lines[i] as string];
        return lines.join("\r\n");
      },
  ),
);

const arbRequests: fc.Arbitrary<Buffer> = fc
  .tuple(fc.array(arbBase, { minLength: 1, maxLength: 3 }), fc.array(arbMutation, { maxLength: 4 }))
  .map(([texts, mutations]) =>
    Buffer.from(
      mutations.reduce((text, mutate) => mutate(text), texts.join("")),
      "latin1",
    ),
  );

describe("against llhttp, as Node 20 carries it", () => {
  it.each(validPayloads)("reads the same out of $what", async ({ bytes }) => {
    await agree(Buffer.from(bytes, "latin1"));
  });

  it("lets nothing through that llhttp does not read in the same way", async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(arbRequests, async (bytes) => {
        accepted += await agree(bytes);
      }),
      { numRuns: Number(process.env["WEFT_DIFF_RUNS"] ?? 3_000) },
    );
    // Else it would have compared refusals only.
    expect(accepted).toBeGreaterThan(500);
  });

  it("refuses more than llhttp does, and just this", async () => {
    const stricter: string[] = [];
    for (const { id, what, bytes } of hostilePayloads) {
      if ((await llhttp.parse(Buffer.from(bytes, "latin1"))).length > 0) stricter.push(`${id}: ${what}`);
    }
    expect(stricter).toMatchInlineSnapshot(`
      [
        "A18: Transfer-Encoding gzip, chunked",
        "A19: Transfer-Encoding ,chunked",
        "A24: an empty Transfer-Encoding",
        "A24: an empty Transfer-Encoding beside Content-Length",
        "A27: Transfer-Encoding in HTTP/1.0",
        "A34: chunk extensions of 17 KiB in many chunks",
        "A35: a chunk size with 300 leading zeros",
        "A37: trailers over the limit of headers",
        "A42: no Host",
        "A42: no header at all",
        "A42: two Hosts",
        "A42: two equal Hosts",
        "A42: a list as Host",
        "A42: a list as Host without a space",
        "A42: a path in Host",
        "A42: a user in Host",
        "A42: a word as port in Host",
        "A42: a port of 65536 in Host",
        "A42: two ports in Host",
        "A42: a port alone in Host",
        "A42: an open bracket in Host",
        "A42: two Hosts in HTTP/1.0",
        "A43: an absolute target with a user",
        "A43: an absolute target without a Host",
        "A43: an absolute target without an authority",
        "A43: an absolute target of another scheme",
        "A44: HTTP/0.9 with its version",
        "A44: HTTP/2.0",
        "A45: two spaces before the target",
        "A45: two spaces behind the target",
        "A45: empty lines without end",
        "A46: a target with a fragment",
        "A46: an asterisk for a method other than OPTIONS",
        "A53: a request line over its limit",
        "A53: a header over the limit of all",
        "A53: headers over their limit together",
        "A54: more than 1,000 header lines",
        "A56: two expectations",
      ]
    `);
  });
});
