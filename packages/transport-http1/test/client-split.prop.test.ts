import { Ctx, isWeftError, systemClock } from "@weftmesh/core";
import { type Body, emptyBody, Full, Headers, HttpRequest, type HttpResponse, Taken } from "@weftmesh/http";
import { nullStats } from "@weftmesh/telemetry";
import { describeBody, RecordingSink, settle } from "@weftmesh/testkit";
import { ClientConnection } from "@weftmesh/transport-http1";
import { ClientStats } from "@weftmesh/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClientWire } from "./client-wire.ts";
import { arbSpoiled } from "./responses.ts";

function connection(): { wire: ClientWire; client: ClientConnection } {
  const wire = new ClientWire();
  const client = new ClientConnection(wire, {
    clock: systemClock,
    stats: ClientStats.of(nullStats),
    limits: { maxInitialLineBytes: 100, maxHeaderBytes: 400, maxHeaderLines: 20 },
    continueTimeoutMs: 1_000,
    peer: "peer",
  });
  wire.readBy(client);
  return { wire, client };
}

function request(method: string): HttpRequest {
  return new HttpRequest("1.1", method, "http", "a", "/", new Headers(), emptyBody);
}

/** Everything a caller can tell about an exchange, and whether the connection lived on. */
interface Outcome {
  readonly head: readonly unknown[] | undefined;
  readonly content: string;
  readonly ended: boolean;
  readonly trailers: string | undefined;
  readonly error: string | undefined;
  readonly status: string;
}

function showError(error: Error | undefined): string | undefined {
  // How many bytes had been taken when it was lost is the same, however they came.
  return error === undefined ? undefined : `${isWeftError(error) ? error.code : "?"}: ${error.message}`;
}

/** Runs one exchange whose response comes in these pieces; `pauses` makes its sink stop now and then. */
async function exchange(
  method: string,
  pieces: readonly Uint8Array[],
  eof: boolean,
  pauses: boolean,
): Promise<Outcome> {
  const { wire, client } = connection();
  let rep: HttpResponse | undefined;
  let failure: Error | undefined;
  let sink: RecordingSink | undefined;
  const call = client.call(request(method), new Ctx()).then(
    (found) => {
      rep = found;
      sink = RecordingSink.of(found.body, pauses ? Full : Taken);
    },
    (error: Error) => {
      failure = error;
    },
  );
  for (const piece of pieces) {
    if (wire.closed) break;
    wire.feed(piece);
    await Promise.resolve();
    await Promise.resolve();
    if (pauses && sink !== undefined && piece.length % 2 === 0) sink.resume();
    if (pauses && sink !== undefined) sink.answer = Full;
  }
  if (eof) wire.feedEnd();
  for (let i = 0; i < 3; i++) {
    await settle();
    sink?.resume();
  }
  if (rep === undefined && failure === undefined) return { ...nothing, status: client.status };
  await call;
  expect(sink?.late ?? []).toEqual([]);
  return {
    head: rep === undefined ? undefined : [rep.version, rep.status, rep.headers.toLines()],
    content: sink?.content().toString("latin1") ?? "",
    ended: sink?.ended ?? false,
    trailers: sink?.trailers?.toLines(),
    error: showError(failure ?? sink?.error),
    status: client.status,
  };
}

const nothing: Outcome = {
  head: undefined,
  content: "",
  ended: false,
  trailers: undefined,
  error: undefined,
  status: "busy",
};

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, i) => bytes.subarray(start, at[i] ?? bytes.length)).filter((piece) => piece.length > 0);
}

describe("a response", () => {
  it("A55: means the same however its bytes are cut, well-formed or not, read at once or with pauses", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbSpoiled,
        fc.array(fc.nat(400), { maxLength: 12 }),
        fc.boolean(),
        async ({ method, bytes, eof }, cuts, pauses) => {
          const whole = await exchange(method, [bytes], eof, false);
          expect(await exchange(method, cutAt(bytes, cuts), eof, pauses)).toEqual(whole);
        },
      ),
      { numRuns: Number(process.env["WEFT_RUNS"] ?? 1_500) },
    );
  }, 60_000);

  it("A55: means the same when it comes byte by byte", async () => {
    await fc.assert(
      fc.asyncProperty(arbSpoiled, async ({ method, bytes, eof }) => {
        const whole = await exchange(method, [bytes], eof, false);
        const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
        expect(await exchange(method, single, eof, false)).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});

function bodyOver(framing: "length" | "chunked" | "close"): (chunks: readonly Uint8Array[]) => Promise<Body> {
  return async (chunks) => {
    const { wire, client } = connection();
    const call = client.call(request("GET"), new Ctx());
    const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const line = { length: `Content-Length: ${total}\r\n`, chunked: "Transfer-Encoding: chunked\r\n", close: "" }[
      framing
    ];
    wire.feed(Buffer.from(`HTTP/1.1 200 OK\r\n${line}\r\n`));
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      if (framing === "chunked") wire.feed(Buffer.from(`${chunk.length.toString(16)}\r\n`));
      wire.feed(chunk);
      if (framing === "chunked") wire.feed(Buffer.from("\r\n"));
    }
    if (framing === "chunked") wire.feed(Buffer.from("0\r\n\r\n"));
    if (framing === "close") wire.feedEnd();
    return (await call).body;
  };
}

for (const framing of ["length", "chunked", "close"] as const) {
  describeBody(`of a response, framed by ${framing}`, { make: bodyOver(framing) });
}
