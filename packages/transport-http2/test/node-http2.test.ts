import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type Http2Server as NodeServer,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { Ctx, service, systemClock } from "@weftmesh/core";
import { type Body, emptyBody, Headers, HttpRequest, HttpResponse, textBody } from "@weftmesh/http";
import { eventually, PushBody, RecordingSink } from "@weftmesh/testkit";
import { Http2Connector, type Http2Server, listenHttp2 } from "@weftmesh/transport-http2";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const runs = Number(process.env["WEFT_RUNS"] ?? 60);

interface Message {
  readonly method: string;
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly chunks: readonly Uint8Array[];
  readonly trailers: readonly (readonly [string, string])[];
}

const arbValue = fc.string({ unit: fc.constantFrom(..."abcXYZ019 -_=;/"), maxLength: 40 }).map((text) => text.trim());
const arbFields = (prefix: string): fc.Arbitrary<(readonly [string, string])[]> =>
  fc.array(arbValue, { maxLength: 6 }).map((values) => values.map((value, i) => [`${prefix}${i}`, value] as const));
const arbMessage: fc.Arbitrary<Message> = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "OPTIONS"),
  status: fc.constantFrom(200, 201, 404, 500, 503),
  headers: arbFields("x-header-"),
  chunks: fc.array(fc.uint8Array({ minLength: 1, maxLength: 3_000 }), { maxLength: 5 }),
  trailers: arbFields("x-trailer-"),
});

function pushed(chunks: readonly Uint8Array[], trailers: readonly (readonly [string, string])[]): Body {
  if (chunks.length === 0 && trailers.length === 0) return emptyBody;
  const body = new PushBody();
  for (const chunk of chunks) body.push(chunk);
  body.end(trailers.length === 0 ? undefined : Headers.of(...trailers.flat()));
  return body;
}

function pairsOf(headers: object, prefix: string): (readonly [string, string])[] {
  return Object.entries(headers)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [name, String(value)] as const);
}

function content(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString("hex");
}

describe("our server and the client of node:http2", () => {
  let server: Http2Server;
  let session: ClientHttp2Session;
  let serve: (req: HttpRequest, ctx: Ctx) => Promise<HttpResponse>;

  beforeAll(async () => {
    server = await listenHttp2({ service: service((req, ctx) => serve(req, ctx)), port: 0, clock: systemClock });
    session = connect(`http://127.0.0.1:${server.address.port}`);
    await once(session, "connect");
  });

  afterAll(async () => {
    session.destroy();
    await server.close(1_000);
  });

  it("understand each other in every message", async () => {
    await fc.assert(
      fc.asyncProperty(arbMessage, arbMessage, async (there, back) => {
        let seen: unknown;
        serve = async (req) => {
          const sink = RecordingSink.of(req.body);
          await sink.done;
          seen = [
            req.method,
            [...req.headers].filter(([name]) => name.startsWith("x-header-")),
            sink.content().toString("hex"),
            sink.trailers === undefined ? [] : [...sink.trailers],
          ];
          return new HttpResponse(back.status, Headers.of(...back.headers.flat()), pushed(back.chunks, back.trailers));
        };
        const hasBody = there.chunks.length > 0 || there.trailers.length > 0;
        const stream = session.request(
          { ":method": there.method, ":path": "/", ...Object.fromEntries(there.headers) },
          { endStream: !hasBody, waitForTrailers: there.trailers.length > 0 },
        );
        stream.on("wantTrailers", () => stream.sendTrailers(Object.fromEntries(there.trailers)));
        if (hasBody) {
          for (const chunk of there.chunks) stream.write(chunk);
          stream.end();
        }
        let trailers: object = {};
        stream.on("trailers", (got) => {
          trailers = got;
        });
        const got: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => got.push(chunk));
        const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
        await once(stream, "close");
        expect(seen).toEqual([there.method, there.headers, content(there.chunks), there.trailers]);
        expect([
          headers[":status"],
          pairsOf(headers, "x-header-"),
          content(got),
          pairsOf(trailers, "x-trailer-"),
        ]).toEqual([back.status, back.headers, content(back.chunks), back.trailers]);
      }),
      { numRuns: runs },
    );
  }, 60_000);

  it("B34: the call is cancelled soon after the client has reset its stream", async () => {
    let cancelled: Error | undefined;
    serve = (_req, ctx) => {
      ctx.onCancel((reason) => {
        cancelled = reason;
      });
      return new Promise(() => {});
    };
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {});
    await eventually("the frame is out", () => stream.id !== undefined);
    stream.close(constants.NGHTTP2_CANCEL);
    await eventually("the call is cancelled", () => cancelled !== undefined);
    expect(cancelled).toMatchObject({ http2Code: 8, remote: true });
  });

  it("a slow client gets all of a long body, byte by byte the same", async () => {
    const bytes = Buffer.alloc(3_000_000, "0123456789");
    serve = () => Promise.resolve(new HttpResponse(200, new Headers(), pushed([bytes], [])));
    const stream = session.request({ ":path": "/" });
    const got: Buffer[] = [];
    for await (const chunk of stream) got.push(chunk as Buffer);
    expect(Buffer.concat(got).equals(bytes)).toBe(true);
  });
});

describe("our client and the server of node:http2", () => {
  let server: NodeServer;
  let serve: (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void;
  let connector: Http2Connector;

  beforeAll(async () => {
    server = createServer();
    server.on("stream", (stream, headers) => serve(stream, headers));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    connector = new Http2Connector({ host: "127.0.0.1", port, clock: systemClock, connectTimeoutMs: 10_000 });
  });

  afterAll(async () => {
    await connector.close();
    server.close();
  });

  it("understand each other in every message", async () => {
    const session = await connector.open(new Ctx());
    await fc.assert(
      fc.asyncProperty(arbMessage, arbMessage, async (there, back) => {
        let seen: unknown;
        serve = async (stream, headers) => {
          const got: Buffer[] = [];
          let trailers: object = {};
          stream.on("trailers", (all) => {
            trailers = all;
          });
          for await (const chunk of stream) got.push(chunk as Buffer);
          seen = [headers[":method"], pairsOf(headers, "x-header-"), content(got), pairsOf(trailers, "x-trailer-")];
          const hasBody = back.chunks.length > 0 || back.trailers.length > 0;
          stream.respond(
            { ":status": back.status, ...Object.fromEntries(back.headers) },
            { endStream: !hasBody, waitForTrailers: back.trailers.length > 0 },
          );
          stream.on("wantTrailers", () => stream.sendTrailers(Object.fromEntries(back.trailers)));
          if (!hasBody) return;
          for (const chunk of back.chunks) stream.write(chunk);
          stream.end();
        };
        const req = new HttpRequest(
          "1.1",
          there.method,
          "http",
          "test.example",
          "/",
          Headers.of(...there.headers.flat()),
          pushed(there.chunks, there.trailers),
        );
        const rep = await session.call(req, new Ctx());
        const sink = RecordingSink.of(rep.body);
        await sink.done;
        expect(seen).toEqual([there.method, there.headers, content(there.chunks), there.trailers]);
        expect([
          rep.status,
          [...rep.headers].filter(([name]) => name.startsWith("x-header-")),
          sink.content().toString("hex"),
          sink.trailers === undefined ? [] : [...sink.trailers],
        ]).toEqual([back.status, back.headers, content(back.chunks), back.trailers]);
      }),
      { numRuns: runs },
    );
    await session.close();
  }, 60_000);

  it("agree on what a window is, for a body of some megabytes either way", async () => {
    const session = await connector.open(new Ctx());
    serve = (stream) => {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    };
    const bytes = Buffer.alloc(5_000_000, "abcdefghijk");
    const req = new HttpRequest("1.1", "POST", "http", "test.example", "/", new Headers(), textBody(bytes.toString()));
    const sink = RecordingSink.of((await session.call(req, new Ctx())).body);
    await sink.done;
    expect(sink.content().equals(bytes)).toBe(true);
    await session.close();
  });

  it("end their connection well when the server goes away", async () => {
    const session = await connector.open(new Ctx());
    serve = (stream) => {
      stream.respond({ ":status": 200 });
      stream.session?.goaway();
      stream.end("done");
    };
    const req = new HttpRequest("1.1", "GET", "http", "test.example", "/", new Headers(), emptyBody);
    const sink = RecordingSink.of((await session.call(req, new Ctx())).body);
    await sink.done;
    expect(sink.text()).toBe("done");
    await eventually("the session is closed", () => session.status === "closed");
  });
});
