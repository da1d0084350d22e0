import { Ctx, service } from "@weftmesh/core";
import {
  collectBody,
  emptyBody,
  Full,
  Headers,
  HttpRequest,
  HttpResponse,
  StreamError,
  TunnelRequest,
  textBody,
} from "@weftmesh/http";
import { nullStats } from "@weftmesh/telemetry";
import { ManualClock, PushBody, RecordingSink, settle } from "@weftmesh/testkit";
import { TunnelStats } from "@weftmesh/wire";
import { describe, expect, it } from "vitest";
import type { UpgradePeer } from "../src/client-session.ts";
import { ErrorCode, Flag, FrameType } from "../src/frame-types.ts";
import type { Http2ServerOptions } from "../src/server.ts";
import { Setting } from "../src/settings.ts";
import { data, reset as resetFrame } from "./frames.ts";
import { MemoryClient } from "./memory-client.ts";
import { MemoryServer } from "./memory-server.ts";

const mark: [string, string] = ["l5d-orig-proto", "HTTP/1.1"];

function serving(
  serve: (req: HttpRequest) => Promise<HttpResponse>,
  options: Partial<Http2ServerOptions> = { downgrade: {} },
): MemoryServer {
  return new MemoryServer(service(serve), new ManualClock(), options).begin();
}

async function asked(server: MemoryServer, ...fields: [string, string][]): Promise<readonly (readonly string[])[]> {
  server.send(server.peer.request(1, "GET", "/", true, fields));
  await settle();
  server.wire.flush();
  const [head] = server.peer.of(FrameType.Headers, 1);
  return head === undefined ? [] : server.peer.decode(head);
}

const framesOf = (server: MemoryServer | MemoryClient, id: number): readonly (readonly number[])[] =>
  server.peer.frames
    .filter((each) => each.id === id && each.type <= FrameType.Headers)
    .map(({ type, flags, payload }) => [type, flags & Flag.EndStream, type === FrameType.Data ? payload.length : -1]);

describe("a request that was upgraded", () => {
  it("is a request of HTTP/2 with a header where a server knows nothing of it", async () => {
    const seen: HttpRequest[] = [];
    const server = serving((req) => {
      seen.push(req);
      return Promise.resolve(new HttpResponse(200));
    }, {});
    const heard = await asked(server, mark);
    expect([seen[0]?.version, seen[0]?.headers.get("l5d-orig-proto")]).toEqual(["2", "HTTP/1.1"]);
    expect(heard.map(([name]) => name)).not.toContain("l5d-orig-proto");
  });

  it("has an answer that is empty only once it has ended end behind its head, as in chunks", async () => {
    for (const trailers of [undefined, Headers.of("x-sum", "1")]) {
      const body = new PushBody();
      body.end(trailers);
      const server = serving(() => Promise.resolve(new HttpResponse(200, new Headers(), body)));
      await asked(server, mark);
      const [first, last] = framesOf(server, 1);
      expect(first).toEqual([FrameType.Headers, 0, -1]);
      expect(last).toEqual(trailers === undefined ? [FrameType.Data, 1, 0] : [FrameType.Headers, 1, -1]);
      expect(framesOf(server, 1)).toHaveLength(2);
    }
  });

  it("ends an answer with its last content where there is some", async () => {
    const body = new PushBody();
    body.push(Buffer.from("abc"));
    body.end();
    const server = serving(() => Promise.resolve(new HttpResponse(200, new Headers(), body)));
    await asked(server, mark);
    expect(framesOf(server, 1)).toEqual([
      [FrameType.Headers, 0, -1],
      [FrameType.Data, 1, 3],
    ]);
  });

  it("is told the length of an answer without content, but not by HEAD, 204 or 304", async () => {
    const lengthOf = async (status: number, method: string): Promise<string | undefined> => {
      const server = serving(() => Promise.resolve(new HttpResponse(status)));
      server.send(server.peer.request(1, method, "/", true, [mark]));
      await settle();
      server.wire.flush();
      const [head] = server.peer.of(FrameType.Headers, 1);
      return server.peer.decode(head as NonNullable<typeof head>).find(([name]) => name === "content-length")?.[1];
    };
    expect(await lengthOf(200, "GET")).toBe("0");
    expect(await lengthOf(404, "POST")).toBe("0");
    expect(await lengthOf(200, "HEAD")).toBeUndefined();
    expect(await lengthOf(204, "GET")).toBeUndefined();
    expect(await lengthOf(304, "GET")).toBeUndefined();
  });

  it("has no trailers that HTTP/1 would not have taken", async () => {
    const sinks: RecordingSink[] = [];
    const server = serving(async ({ body }) => {
      sinks.push(RecordingSink.of(body));
      return new HttpResponse(200);
    });
    server.send(
      server.peer.request(1, "POST", "/", false, [mark]),
      data(1, "abc"),
      server.peer.headers(1, [
        ["x-sum", "1"],
        ["content-type", "a/b"],
        ["l5d-err", "x"],
      ]),
    );
    await settle();
    expect([...(sinks[0]?.trailers ?? [])]).toEqual([["x-sum", "1"]]);
  });

  it("is answered with a status when it fails, by whoever answers HTTP/1", async () => {
    const failing = (): Promise<HttpResponse> =>
      Promise.reject(new StreamError(ErrorCode.EnhanceYourCalm, "reset", { remote: true }));
    const respond = (): HttpResponse => new HttpResponse(503, Headers.of("x-why", "it failed"));
    const server = serving(failing, { downgrade: { respond } });
    const heard = await asked(server, mark);
    expect(heard).toEqual([
      [":status", "503"],
      ["x-why", "it failed"],
      ["content-length", "0"],
      ["l5d-orig-proto", "HTTP/1.1"],
    ]);
    const other = serving(failing, { downgrade: { respond } });
    expect(await asked(other)).toEqual([]);
    expect(other.peer.resetOf(1)).toBe("ENHANCE_YOUR_CALM");
  });

  it("is no tunnel: what would be one is as without the mark", async () => {
    const tunnels = {
      connect: true,
      upgrades: new Set(["websocket"]),
      idleTimeMs: Number.POSITIVE_INFINITY,
      lifeTimeMs: Number.POSITIVE_INFINITY,
      stats: new TunnelStats(nullStats),
    };
    const seen: HttpRequest[] = [];
    const server = serving(
      (req) => {
        seen.push(req);
        return Promise.resolve(new HttpResponse(404, new Headers(), emptyBody, "1.1"));
      },
      { downgrade: {}, tunnels },
    );
    const fields: [string, string][] = [
      [":method", "CONNECT"],
      [":protocol", "websocket"],
      [":scheme", "http"],
      [":authority", "web"],
      [":path", "/"],
      mark,
    ];
    server.send(server.peer.headers(1, fields, false));
    await settle();
    server.wire.flush();
    expect([seen[0] instanceof TunnelRequest, seen[0]?.version]).toEqual([true, "2"]);
    expect(seen[0]?.headers.has("l5d-orig-proto")).toBe(false);
    const [head] = server.peer.of(FrameType.Headers, 1);
    const heard = server.peer.decode(head as NonNullable<typeof head>).map(([name]) => name);
    expect(heard).not.toContain("l5d-orig-proto");
  });
});

describe("a session to a proxy", () => {
  const upgrading = (peer: UpgradePeer = { maxHeaderListBytes: 1 }): MemoryClient =>
    new MemoryClient(new ManualClock(), { upgrade: peer }).begin();
  const request = (method: string, body = emptyBody, headers = new Headers()): HttpRequest =>
    new HttpRequest("1.1", method, "http", "web", "/", headers, body);
  const sentBy = (client: MemoryClient, id = 1): readonly (readonly string[])[] => {
    client.wire.flush();
    const [head] = client.peer.of(FrameType.Headers, id);
    return client.peer.decode(head as NonNullable<typeof head>);
  };

  it("says how long a list of headers may be there", () => {
    const peer: UpgradePeer = { maxHeaderListBytes: 1 };
    const client = new MemoryClient(new ManualClock(), { upgrade: peer }).begin([Setting.MaxHeaderListSize, 12_345]);
    expect(peer.maxHeaderListBytes).toBe(12_345);
    expect(client.session.status).toBe("open");
    upgrading(peer);
    expect(peer.maxHeaderListBytes).toBe(Number.POSITIVE_INFINITY);
  });

  it("ends a body that turns out empty behind the head, and one that has an end in sight with it", () => {
    const client = upgrading();
    const chunks = new PushBody();
    void client.session.call(request("POST", chunks), new Ctx());
    chunks.end();
    client.wire.flush();
    expect(framesOf(client, 1)).toEqual([
      [FrameType.Headers, 0, -1],
      [FrameType.Data, 1, 0],
    ]);
    void client.session.call(request("POST", textBody("abc")), new Ctx());
    client.wire.flush();
    expect(framesOf(client, 3)).toEqual([
      [FrameType.Headers, 0, -1],
      [FrameType.Data, 1, 3],
    ]);
    void client.session.call(request("GET"), new Ctx());
    client.wire.flush();
    expect(framesOf(client, 5)).toEqual([[FrameType.Headers, 1, -1]]);
  });

  it.each([
    ["POST", [], "0"],
    ["PUT", [], "0"],
    ["PATCH", [], "0"],
    ["GET", [], undefined],
    ["GET", ["content-length", "0"], "0"],
    ["GET", ["content-length", "00"], "0"],
    ["DELETE", ["content-length", "7"], "0"],
  ])("%s with %j and no content has the content-length that HTTP/1.1 has", (method, headers, length) => {
    const client = upgrading();
    void client.session.call(request(method, emptyBody, Headers.of(...headers)), new Ctx());
    const lengths = sentBy(client).filter(([name]) => name === "content-length");
    expect(lengths.map(([, value]) => value)).toEqual(length === undefined ? [] : [length]);
  });

  it("has no header that is for one connection, and none that frames a message", () => {
    const client = upgrading();
    const headers = [
      "Connection",
      "x-hop",
      "X-Hop",
      "1",
      "Transfer-Encoding",
      "chunked",
      "Keep-Alive",
      "5",
      "TE",
      "gzip",
    ];
    void client.session.call(request("GET", emptyBody, Headers.of(...headers, "X-One", "1")), new Ctx());
    expect(sentBy(client).slice(4)).toEqual([["x-one", "1"], mark]);
  });

  it("takes what as many slow callers as there are leave unread, where it may hold any amount", async () => {
    const settings = { maxHeldBytes: Number.POSITIVE_INFINITY };
    const client = new MemoryClient(new ManualClock(), { upgrade: { maxHeaderListBytes: 1 } }, settings).begin();
    const frame = Buffer.alloc(13_107);
    for (let id = 1; id < 600; id += 2) {
      const call = client.session.call(request("GET"), new Ctx());
      client.send(client.peer.headers(id, [[":status", "200"]], false));
      for (let i = 0; i < 5; i++) client.send(data(id, frame));
      RecordingSink.of((await call).body, Full);
    }
    const last = client.session.call(request("GET"), new Ctx());
    client.send(client.peer.headers(601, [[":status", "200"]], false), data(601, "the last", true));
    const sink = RecordingSink.of((await last).body);
    await sink.done;
    expect([sink.text(), client.peer.wentAway, client.session.load]).toEqual(["the last", undefined, 300]);
  });

  it("does not upgrade a tunnel", () => {
    const client = new MemoryClient(new ManualClock(), { upgrade: { maxHeaderListBytes: 1 } }).begin([
      Setting.EnableConnectProtocol,
      1,
    ]);
    const req = new TunnelRequest("1.1", "GET", "http", "web", "/", new Headers(), ["websocket"]);
    client.session.call(req, new Ctx()).catch(() => {});
    expect(sentBy(client).map(([name]) => name)).not.toContain("l5d-orig-proto");
  });

  it("has no trailers that HTTP/1 would not have taken", async () => {
    const client = upgrading();
    const call = client.session.call(request("GET"), new Ctx());
    client.send(
      client.peer.headers(1, [[":status", "200"]], false),
      data(1, "abc"),
      client.peer.headers(1, [
        ["x-sum", "1"],
        ["set-cookie", "a=1"],
        ["l5d-success-class", "1.0"],
      ]),
    );
    const sink = RecordingSink.of((await call).body);
    await sink.done;
    expect([sink.text(), [...(sink.trailers ?? [])]]).toEqual(["abc", [["x-sum", "1"]]]);
  });

  it("fails a call whose stream is reset as any other, and lets one that was refused be made again", async () => {
    const client = upgrading();
    const reset = client.session.call(request("GET"), new Ctx()).catch((error: unknown) => error);
    const refused = client.session.call(request("POST", textBody("x")), new Ctx()).catch((error: unknown) => error);
    client.send(resetFrame(1, ErrorCode.InternalError), resetFrame(3, ErrorCode.RefusedStream));
    expect(await reset).toMatchObject({ code: "WEFT_STREAM_RESET", flags: [] });
    expect(await refused).toMatchObject({ flags: ["rejected", "retryable"] });
  });

  it("brings to a server that knows it what was sent, and back", async () => {
    const serve = service(async (req: HttpRequest) => {
      const content = Buffer.from(await collectBody(req.body, 1_000)).toString();
      return new HttpResponse(200, Headers.of("x-asked", `${req.version} ${content}`), textBody("ok"), "1.0");
    });
    const server = new MemoryServer(serve, new ManualClock(), { downgrade: {} });
    const client = new MemoryClient(new ManualClock(), { upgrade: { maxHeaderListBytes: 1 } });
    server.wire.onFlush = (bytes) => client.wire.feed(bytes);
    client.wire.onFlush = (bytes) => server.wire.feed(bytes);
    const call = client.session.call(request("POST", textBody("abc")), new Ctx());
    for (let i = 0; i < 4; i++) {
      client.wire.flush();
      await settle();
      server.wire.flush();
    }
    const rep = await call;
    expect([rep.status, rep.version, rep.headers.get("x-asked")]).toEqual([200, "1.0", "1.1 abc"]);
  });
});
