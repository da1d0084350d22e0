import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { answerOf, H2Backend, H2Client } from "../src/h2.ts";
import { RunningProxy } from "../src/proxy.ts";

let two: H2Backend;
let one: HttpServer;
let sockets: WebSocketServer;
let raw: Server;
let proxy: RunningProxy;
const clients: H2Client[] = [];

beforeAll(async () => {
  two = await H2Backend.start(
    (stream, headers) => {
      if (headers[":method"] !== "CONNECT") {
        stream.respond({ ":status": 200 }, { endStream: true });
        return;
      }
      if (headers[":path"] === "/no") {
        stream.respond({ ":status": 403 });
        stream.end("not here");
        return;
      }
      stream.respond({ ":status": 200, "x-protocol": String(headers[":protocol"]) });
      stream.pipe(stream);
    },
    { settings: { enableConnectProtocol: true } },
  );
  one = createHttpServer((_req, res) => res.end("plain"));
  sockets = new WebSocketServer({ server: one });
  sockets.on("connection", (socket) =>
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  raw = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.pipe(socket, { end: false });
    socket.on("end", () => socket.end("!"));
  });
  for (const server of [one, raw]) await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = (server: HttpServer | Server): number => (server.address() as AddressInfo).port;
  proxy = await RunningProxy.start(`admin: { port: 0 }
routers:
- protocol: h2
  dtab: /svc/* => /$/inet/127.0.0.1/${two.port}
  tunnels: { connect: true, upgrade: [websocket] }
  servers: [{ port: 0 }]
- protocol: h2
  label: down
  dtab: /svc/web => /$/inet/127.0.0.1/${port(one)} ; /svc/raw:443 => /$/inet/127.0.0.1/${port(raw)}
  tunnels: { connect: true, upgrade: [websocket] }
  client: { protocol: http1 }
  servers: [{ port: 0, ip: 127.0.0.2 }]
- protocol: h2
  label: off
  dtab: /svc/* => /$/inet/127.0.0.1/${two.port}
  servers: [{ port: 0, ip: 127.0.0.3 }]
- protocol: h2
  label: short
  dtab: /svc/* => /$/inet/127.0.0.1/${two.port}
  tunnels: { upgrade: [websocket], idleTimeMs: 300 }
  servers: [{ port: 0, ip: 127.0.0.4 }]
- protocol: http
  label: both
  dtab: /svc/* => /$/inet/127.0.0.1/${port(one)}
  tunnels: { upgrade: [websocket] }
  servers: [{ port: 0, ip: 127.0.0.5, protocols: [http1, h2] }]
`);
});

afterAll(async () => {
  for (const each of clients) each.close();
  await proxy?.stop();
  await two?.stop();
  sockets?.close();
  one?.closeAllConnections();
  one?.close();
  raw?.close();
});

async function open(label: string, headers: object): Promise<{ stream: ClientHttp2Stream; head: IncomingHttpHeaders }> {
  const client = await H2Client.connect(proxy.at(label));
  clients.push(client);
  // Node adds a scheme and a path to what has a protocol alone.
  const stream = client.session.request(
    { ":method": "CONNECT", ":authority": "web", ...headers },
    { endStream: false },
  );
  stream.on("error", () => {});
  const head = await new Promise<IncomingHttpHeaders>((resolve) => stream.once("response", resolve));
  return { stream, head };
}
const webSocket = { ":protocol": "websocket", ":scheme": "http", ":path": "/chat", "sec-websocket-version": "13" };

/** So many bytes of the stream. */
function take(stream: ClientHttp2Stream, length: number): Promise<Buffer> {
  return new Promise((resolve) => {
    let got: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      got = Buffer.concat([got, chunk]);
      if (got.length < length) return;
      stream.off("data", onData);
      resolve(got);
    };
    stream.on("data", onData);
  });
}

/** A text as a client of WebSocket sends it. */
function masked(text: string): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const payload = Buffer.from(text).map((byte, i) => byte ^ (mask[i % 4] as number));
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, payload]);
}

describe("tunnels over HTTP/2", () => {
  it("carry a WebSocket of extended CONNECT to a backend of HTTP/2", async () => {
    const { stream, head } = await open("h2", webSocket);
    expect([head[":status"], head["x-protocol"]]).toEqual([200, "websocket"]);
    const echoed = take(stream, 1_000_000);
    for (let i = 0; i < 10; i++) stream.write(Buffer.alloc(100_000, i));
    expect((await echoed).length).toBe(1_000_000);
    const over = answerOf(stream);
    stream.end();
    expect((await over).rstCode).toBe(0);
    const counter = `rt/h2/server/${proxy.at("h2").ip}/0/tunnels/opened`;
    await proxy.metricsWhen((metrics) => metrics[counter] === 1);
  });

  it.each(["down", "both"])("carry one to a backend of HTTP/1.1, which hears an Upgrade: %s", async (label) => {
    const { stream, head } = await open(label, webSocket);
    expect([head[":status"], head["sec-websocket-accept"], head["upgrade"]]).toEqual([200, undefined, undefined]);
    const echoed = take(stream, 7);
    stream.write(masked("hello"));
    expect((await echoed).toString("latin1")).toBe("\x81\x05hello");
    // Its end and a reset come at once: the connection to the backend goes with the tunnel all the same.
    stream.close();
    const gauge = `rt/${label}/client/$/inet/127.0.0.1/${(one.address() as AddressInfo).port}/connections`;
    await proxy.metricsWhen((metrics) => metrics[gauge] === 0);
  });

  it("carry a CONNECT to the endpoint that its name is bound to, with half-closes", async () => {
    const { stream, head } = await open("down", { ":authority": "raw:443" });
    expect(head[":status"]).toBe(200);
    const echoed = take(stream, 6);
    stream.end("hello");
    expect((await echoed).toString()).toBe("hello!");
  });

  it("are not made where the backend declines, which is an answer as any other", async () => {
    const { stream, head } = await open("h2", { ...webSocket, ":path": "/no" });
    expect(head[":status"]).toBe(403);
    expect((await take(stream, 8)).toString()).toBe("not here");
  });

  it("are not made by a router that is not told to, nor for other protocols", async () => {
    const { head } = await open("off", { ":authority": "raw:443" });
    expect(head[":status"]).toBe(405);
    const other = await open("h2", { ...webSocket, ":protocol": "other" });
    expect(Number(other.head[":status"])).toBeGreaterThanOrEqual(400);
  });

  it("in which nothing moves are closed after the idle limit", async () => {
    const { stream } = await open("short", webSocket);
    expect((await answerOf(stream)).rstCode).not.toBe(0);
  });
});
