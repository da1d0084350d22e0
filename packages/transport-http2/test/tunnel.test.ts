import { once } from "node:events";
import { connect, createServer, type Http2Server as NodeServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { Ctx, type Outcome, service, systemClock } from "@weftmesh/core";
import { Headers, type HttpRequest, HttpResponse, TunnelRequest, TunnelResponse } from "@weftmesh/http";
import { nullStats } from "@weftmesh/telemetry";
import { eventually, PushBody, RecordingSink } from "@weftmesh/testkit";
import { Http2Connector, type Http2Server, listenHttp2 } from "@weftmesh/transport-http2";
import { type TunnelSettings, TunnelStats } from "@weftmesh/wire";
import { afterEach, describe, expect, it } from "vitest";

const tunnels: TunnelSettings = {
  connect: true,
  upgrades: new Set(["websocket"]),
  idleTimeMs: Number.POSITIVE_INFINITY,
  lifeTimeMs: Number.POSITIVE_INFINITY,
  stats: new TunnelStats(nullStats),
};

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function ours(
  serve: (req: HttpRequest, ctx: Ctx) => Promise<HttpResponse>,
  given: TunnelSettings | null = tunnels,
): Promise<Http2Server> {
  const server = await listenHttp2({
    service: service(serve),
    port: 0,
    clock: systemClock,
    ...(given === null ? {} : { tunnels: given }),
  });
  closers.push(() => server.close(1_000));
  return server;
}

async function nodes(
  serve: (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void,
): Promise<NodeServer> {
  const server = createServer({ settings: { enableConnectProtocol: true } });
  server.on("stream", serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => server.close());
  return server;
}

async function session(port: number) {
  const connector = new Http2Connector({ host: "127.0.0.1", port, clock: systemClock, connectTimeoutMs: 10_000 });
  const opened = await connector.open(new Ctx());
  closers.push(() => opened.close());
  return opened;
}

/** A proxy of ours in front of another server. */
async function proxyTo(port: number): Promise<Http2Server> {
  const backend = await session(port);
  return ours((req, ctx) => backend.call(req, ctx.fork()));
}

describe("tunnels over HTTP/2", () => {
  it("carry what node:http2 says by extended CONNECT through a proxy, both ways, and end each way by itself", async () => {
    let seen: unknown;
    const backend = await nodes((stream, headers) => {
      seen = [headers[":method"], headers[":protocol"], headers[":path"], headers["sec-websocket-version"]];
      stream.respond({ ":status": 200, "sec-websocket-protocol": "chat" });
      stream.on("data", (chunk: Buffer) => stream.write(`echo ${chunk}`));
      stream.on("end", () => stream.end("bye"));
    });
    const proxy = await proxyTo((backend.address() as AddressInfo).port);
    const client = connect(`http://127.0.0.1:${proxy.address.port}`);
    closers.push(() => client.destroy());
    await once(client, "remoteSettings");
    expect(client.remoteSettings.enableConnectProtocol).toBe(true);
    const stream = client.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "http",
      ":path": "/chat",
      ":authority": "web.example",
      "sec-websocket-version": "13",
    });
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect([headers[":status"], headers["sec-websocket-protocol"]]).toEqual([200, "chat"]);
    let heard = "";
    stream.on("data", (chunk: Buffer) => {
      heard += chunk.toString();
    });
    stream.write("hello");
    await eventually("it comes back", () => heard === "echo hello");
    stream.end();
    await once(stream, "close");
    expect(heard).toBe("echo hellobye");
    expect(seen).toEqual(["CONNECT", "websocket", "/chat", "13"]);
    expect(tunnels.stats.open).toBe(0);
  });

  it("carry what goes by CONNECT", async () => {
    const backend = await nodes((stream, headers) => {
      stream.respond({ ":status": 200 });
      stream.end(`to ${String(headers[":authority"])}`);
    });
    const proxy = await proxyTo((backend.address() as AddressInfo).port);
    const client = connect(`http://127.0.0.1:${proxy.address.port}`);
    closers.push(() => client.destroy());
    const stream = client.request({ ":method": "CONNECT", ":authority": "db.example:5432" });
    let heard = "";
    for await (const chunk of stream) heard += String(chunk);
    expect(heard).toBe("to db.example:5432");
  });

  it("come to a service as what they are in HTTP/1, with a key that its server can answer", async () => {
    let seen: HttpRequest | undefined;
    const server = await ours((req) => {
      seen = req;
      return Promise.resolve(new HttpResponse(403));
    });
    const client = connect(`http://127.0.0.1:${server.address.port}`);
    closers.push(() => client.destroy());
    await once(client, "remoteSettings");
    const stream = client.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "http",
      ":path": "/chat?a=b",
      ":authority": "web.example",
    });
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(headers[":status"]).toBe(403);
    expect(seen).toBeInstanceOf(TunnelRequest);
    expect(seen).toMatchObject({
      method: "GET",
      path: "/chat?a=b",
      protocols: ["websocket"],
      authority: "web.example",
    });
    expect(Buffer.from(seen?.headers.get("sec-websocket-key") ?? "", "base64")).toHaveLength(16);
  });

  it("give a client of HTTP/1 the answer to its key", async () => {
    const backend = await nodes((stream, headers) => {
      expect(headers["sec-websocket-key"]).toBeUndefined();
      stream.respond({ ":status": 200 });
    });
    const opened = await session((backend.address() as AddressInfo).port);
    const headers = Headers.of("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    const req = new TunnelRequest("1.1", "GET", "http", "web.example", "/", headers, ["websocket"]);
    const rep = await opened.call(req, new Ctx());
    expect(rep).toBeInstanceOf(TunnelResponse);
    expect([rep.status, rep.headers.get("sec-websocket-accept")]).toEqual([101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    (rep as TunnelResponse).body
      .pipe({ onData: () => 0, onEnd: () => {}, onError: () => {} })
      .stop(new Error("enough"));
    await eventually("the stream is gone", () => opened.load === 0);
  });

  it("are refused where they are not allowed", async () => {
    const server = await ours(() => Promise.resolve(new HttpResponse(200)), null);
    const client = connect(`http://127.0.0.1:${server.address.port}`);
    closers.push(() => client.destroy());
    const stream = client.request({ ":method": "CONNECT", ":authority": "db.example:5432" });
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(headers[":status"]).toBe(405);
    const opened = await session(server.address.port);
    const req = new TunnelRequest("1.1", "GET", "http", "web.example", "/", new Headers(), ["websocket"]);
    await expect(opened.call(req, new Ctx())).rejects.toMatchObject({ code: "WEFT_PROTOCOL_REQUEST" });
  });

  it("break at both ends when either of them breaks, and the call has failed then", async () => {
    const ends: Outcome[] = [];
    const there = new PushBody();
    let arrived: RecordingSink | undefined;
    const life = new PushBody();
    const server = await ours((_req, ctx) => {
      ctx.observe({ onEnd: (_ctx, outcome) => ends.push(outcome) });
      const tunnel = {
        incoming: there,
        send: (outgoing: PushBody) => {
          arrived = RecordingSink.of(outgoing);
        },
      };
      return Promise.resolve(new TunnelResponse(101, new Headers(), life, "websocket", tunnel as never));
    });
    const opened = await session(server.address.port);
    const req = new TunnelRequest("1.1", "GET", "http", "web.example", "/", new Headers(), ["websocket"]);
    const rep = (await opened.call(req, new Ctx())) as TunnelResponse;
    const sink = RecordingSink.of(rep.tunnel.incoming);
    const over = RecordingSink.of(rep.body);
    const outgoing = new PushBody();
    rep.tunnel.send(outgoing);
    there.push(Buffer.from("some"));
    await eventually("it arrives", () => sink.bytes === 4);
    outgoing.fail(new Error("broken off"));
    await eventually("the far end hears of it", () => arrived?.error !== undefined);
    await over.done;
    expect([over.ended, sink.ended]).toEqual([false, false]);
    await eventually("the call ends", () => ends.length === 1);
    expect(ends[0]?.kind).toBe("failed");
    expect(there.stopped).toBeInstanceOf(Error);
  });
});
