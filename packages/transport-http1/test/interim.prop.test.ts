import { Ctx, service, systemClock } from "@weftmesh/core";
import { discard, emptyBody, Headers, HttpRequest, HttpResponse, textBody } from "@weftmesh/http";
import { nullStats } from "@weftmesh/telemetry";
import { settle } from "@weftmesh/testkit";
import { ClientConnection } from "@weftmesh/transport-http1";
import { ClientStats } from "@weftmesh/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClientWire } from "./client-wire.ts";
import { memoryServer } from "./memory-server.ts";

interface Interim {
  readonly status: number;
  readonly fields: readonly (readonly [string, string])[];
}

const arbField = fc.tuple(
  fc.constantFrom("Link", "x-a", "X-B", "Set-Cookie"),
  fc.string({ unit: fc.constantFrom("a", "<", ">", ";", "=", "é", "0"), maxLength: 12 }),
);
const arbInterim: fc.Arbitrary<Interim> = fc.record({
  status: fc.oneof(fc.constantFrom(102, 103), fc.integer({ min: 102, max: 199 })),
  fields: fc.array(arbField, { maxLength: 4 }),
});
/** A hundred is for the client alone. */
const arbHeads = fc.array(fc.oneof({ weight: 5, arbitrary: arbInterim }, fc.constant({ status: 100, fields: [] })), {
  maxLength: 20,
});

const linesOf = (fields: Interim["fields"]): string => fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
const shown = ({ status, fields }: Interim): string => `${status}\r\n${linesOf(fields)}`;

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, i) => bytes.subarray(start, at[i] ?? bytes.length)).filter((piece) => piece.length > 0);
}

describe("interim responses of a backend", () => {
  it("reach whoever listens, all but 100, in their order and before the answer, however their bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbHeads,
        fc.array(fc.nat(2_000), { maxLength: 40 }),
        fc.boolean(),
        async (heads, cuts, single) => {
          const wire = new ClientWire();
          const client = new ClientConnection(wire, {
            clock: systemClock,
            stats: ClientStats.of(nullStats),
            limits: { maxInitialLineBytes: 100, maxHeaderBytes: 400, maxHeaderLines: 20 },
            continueTimeoutMs: 1_000,
            peer: "peer",
          });
          wire.readBy(client);
          const ctx = new Ctx();
          const heard: string[] = [];
          const req = new HttpRequest("1.1", "GET", "http", "a", "/", new Headers(), emptyBody);
          req.interim = {
            onInterim: (status, headers, of) => {
              expect(of).toBe(ctx);
              heard.push(`${status}\r\n${headers.toLines()}`);
            },
          };
          const call = client.call(req, ctx).then((rep) => {
            heard.push(String(rep.status));
            rep.body.pipe(discard);
          });
          const text = heads
            .map(({ status, fields }) => `HTTP/1.1 ${status} Any Reason\r\n${linesOf(fields)}\r\n`)
            .join("");
          const bytes = Buffer.from(`${text}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`, "latin1");
          for (const piece of single ? cutAt(bytes, [...bytes.keys()]) : cutAt(bytes, cuts)) wire.feed(piece);
          await call;
          expect(heard).toEqual([...heads.filter(({ status }) => status !== 100).map(shown), "200"]);
          expect(client.status).toBe("open");
        },
      ),
    );
  });
});

describe("interim responses to a client", () => {
  it("are written in their order before the answer, without what frames, and never to HTTP/1.0", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbInterim, { maxLength: 20 }),
        fc.boolean(),
        fc.boolean(),
        async (heads, isOld, passesInterim) => {
          const server = memoryServer(
            service(async (req, ctx) => {
              for (const { status, fields } of heads) {
                const framing = [
                  "Content-Length",
                  "5",
                  "Transfer-Encoding",
                  "chunked",
                  "Connection",
                  "x-mine",
                  "X-Mine",
                  "1",
                ];
                req.interim?.onInterim(status, Headers.of(...fields.flat(), ...framing), ctx.fork());
                await Promise.resolve();
              }
              return new HttpResponse(200, new Headers(), textBody("ok"));
            }),
            systemClock,
            { passesInterim },
          );
          server.wire.feed(`GET / HTTP/1.${isOld ? 0 : 1}\r\nHost: web\r\n\r\n`);
          for (let i = 0; i < 3; i++) await settle();
          const { written } = server.wire;
          const parts = written.split("\r\n\r\n").slice(0, -2);
          expect(written.slice(written.lastIndexOf("HTTP/1.1"))).toMatch(/^HTTP\/1.1 200 OK\r\n(.*\r\n)*\r\nok$/);
          const expected = isOld || !passesInterim ? [] : heads.map(shown);
          expect(parts.map((part) => `${part}\r\n`.replace(/^HTTP\/1.1 (\d+) [^\r]*/, "$1"))).toEqual(expected);
        },
      ),
    );
  });

  it("are no responses: what a service gives as one that is 100, 101, final or no status at all is not written", async () => {
    const server = memoryServer(
      service(async (req, ctx) => {
        for (const status of [100, 101, 200, 99, 103.5, Number.NaN]) req.interim?.onInterim(status, new Headers(), ctx);
        return new HttpResponse(204);
      }),
      systemClock,
    );
    server.wire.feed("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    await settle();
    expect(server.wire.written).toBe("HTTP/1.1 204 No Content\r\n\r\n");
  });

  it("F3: are not kept for a client that takes nothing", async () => {
    const server = memoryServer(
      service(async (req, ctx) => {
        req.interim?.onInterim(103, Headers.of("link", "</first>"), ctx);
        server.wire.full = true;
        for (let i = 0; i < 1_000; i++) req.interim?.onInterim(103, Headers.of("link", "</late>"), ctx);
        return new HttpResponse(204);
      }),
      systemClock,
    );
    server.wire.feed("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
    await settle();
    expect(server.wire.written).toBe(
      "HTTP/1.1 103 Early Hints\r\nlink: </first>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    );
  });

  it("A56: come before and behind the leave to send a body, as the backend gives both", async () => {
    const server = memoryServer(
      service(async (req, ctx) => {
        req.interim?.onInterim(103, Headers.of("n", "1"), ctx);
        req.body.pipe({ onData: () => 0, onEnd: () => {}, onError: () => {} });
        req.interim?.onInterim(102, Headers.of("n", "2"), ctx);
        return new HttpResponse(204);
      }),
      systemClock,
    );
    server.wire.feed("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    await settle();
    expect(server.wire.written.match(/HTTP\/1.1 \d+/g)).toEqual([
      "HTTP/1.1 103",
      "HTTP/1.1 100",
      "HTTP/1.1 102",
      "HTTP/1.1 204",
    ]);
  });
});
