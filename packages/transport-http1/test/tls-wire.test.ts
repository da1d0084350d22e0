import { createServer, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { createSecureContext, TLSSocket } from "node:tls";
import { Ctx, systemClock } from "@weftmesh/core";
import { bytesBody, emptyBody, Full, Headers, HttpRequest, HttpResponse, Taken } from "@weftmesh/http";
import { RecordingSink } from "@weftmesh/testkit";
import { CertificateAuthority, type MadeCertificate } from "@weftmesh/testkit/certificates";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { ConnectError, Http1Connector, listenHttp1 } from "../src/index.ts";
import { TlsEnds } from "./tls-ends.ts";

let ends: TlsEnds;
let pair: MadeCertificate;
const servers: Server[] = [];
const sockets: Socket[] = [];

beforeAll(async () => {
  const ca = await CertificateAuthority.create();
  ends = await TlsEnds.create();
  pair = await ca.issue({ dns: ["backend"] });
});

afterEach(() => {
  for (const each of sockets.splice(0)) each.destroy();
  for (const each of servers.splice(0)) each.close();
});

async function listen(onConnection: (raw: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (raw) => {
    sockets.push(raw);
    raw.on("error", () => {});
    onConnection(raw);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}

/** TLS above a stream, so that TCP can be ended without a word of TLS. */
function secured(raw: Socket): TLSSocket {
  const wire = new Duplex({ read: () => {}, write: (chunk, _encoding, done) => void raw.write(chunk, () => done()) });
  raw.on("data", (chunk: Buffer) => wire.push(chunk));
  const socket = new TLSSocket(wire, { isServer: true, secureContext: createSecureContext(pair) });
  socket.on("error", () => {});
  return socket;
}

const body = "x".repeat(300_000);

describe("the end of a body without a length", () => {
  for (const reuseBuffers of [true, false]) {
    for (const ending of ["said within TLS", "of TCP alone"] as const) {
      for (const pausing of [false, true]) {
        const how = `${reuseBuffers ? "buffers" : "events"}${pausing ? ", read with pauses" : ""}`;
        it(`E20: ${ending} is ${ending === "of TCP alone" ? "none" : "one"} (${how})`, async () => {
          const port = await listen((raw) => {
            const tls = secured(raw);
            tls.once("data", () => {
              tls.write(`HTTP/1.1 200 OK\r\n\r\n${body}`, () => {
                if (ending === "said within TLS") tls.end(() => raw.end());
                else raw.end();
              });
            });
          });
          const tls = ends.unchecked();
          const connector = new Http1Connector({ host: "127.0.0.1", port, clock: systemClock, reuseBuffers, tls });
          const session = await connector.open(new Ctx());
          const rep = await session.call(
            new HttpRequest("1.1", "GET", "https", "backend", "/", Headers.of("Host", "backend"), emptyBody),
            new Ctx(),
          );
          const sink = RecordingSink.of(rep.body, pausing ? Full : Taken);
          while (!sink.over) {
            await new Promise((resolve) => setTimeout(resolve, 1));
            sink.resume();
            if (pausing) sink.answer = Full;
          }
          const isWhole = ending === "said within TLS";
          expect([sink.ended, sink.error === undefined]).toEqual([isWhole, isWhole]);
          if (isWhole) expect(sink.bytes).toBe(body.length);
          expect(sink.late).toEqual([]);
          await connector.close();
        });
      }
    }
  }
});

describe("a connection of TLS", () => {
  it("that does not come about says why, may be tried again, and leaves nothing behind", async () => {
    const port = await listen((raw) => raw.once("data", () => raw.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    const connector = new Http1Connector({ host: "127.0.0.1", port, clock: systemClock, tls: ends.dialer() });
    const failure = await connector.open(new Ctx()).catch((error: Error) => error);
    expect(failure).toBeInstanceOf(ConnectError);
    expect(failure).toMatchObject({
      code: "WEFT_CONNECT_TLS",
      flags: ["retryable"],
      reason: "it does not speak TLS here",
    });
    await connector.close();
  });

  it("gives up a handshake that does not end, in its time, and one that its caller gives up at once", async () => {
    const port = await listen(() => {});
    const tls = ends.dialer("backend", 30);
    const connector = new Http1Connector({ host: "127.0.0.1", port, clock: systemClock, tls });
    const failure = connector.open(new Ctx());
    await expect(failure).rejects.toMatchObject({ code: "WEFT_CONNECT_TLS", message: /within 30 ms/ });
    const ctx = new Ctx();
    const given = connector.open(ctx);
    setTimeout(() => ctx.cancel(new Error("enough")), 5);
    await expect(given).rejects.toThrow("enough");
    expect(tls.stats.pending).toBe(0);
    await connector.close();
  });

  it("passes a large body both ways, and is used again", async () => {
    const server = await listenHttp1({
      service: {
        status: "open",
        call: (req) => Promise.resolve(new HttpResponse(200, new Headers(), req.body)),
        close: () => Promise.resolve(),
      },
      port: 0,
      clock: systemClock,
      tls: ends.acceptor(),
    });
    const connector = new Http1Connector({
      host: "127.0.0.1",
      port: server.address.port,
      clock: systemClock,
      tls: ends.dialer(),
    });
    const session = await connector.open(new Ctx());
    for (let i = 0; i < 3; i++) {
      // No part of it is like another: a buffer that is read into too soon shows.
      const sent = Buffer.from(Uint32Array.from({ length: 250_000 }, (_, at) => at * 2_654_435_761 + i).buffer);
      const headers = Headers.of("Host", "backend", "Content-Length", String(sent.length));
      const rep = await session.call(
        new HttpRequest("1.1", "POST", "https", "backend", "/", headers, bytesBody(sent)),
        new Ctx(),
      );
      const sink = RecordingSink.of(rep.body);
      await sink.done;
      expect(sink.content().equals(sent)).toBe(true);
    }
    expect(server.connections).toBe(1);
    await connector.close();
    await session.close();
    await server.close(0);
  });
});
