import { createServer } from "node:net";
import { type Ctx, type Outcome, service, systemClock } from "@weftmesh/core";
import { type Connection, ConnectionKey, Headers, type HttpRequest, HttpResponse, textBody } from "@weftmesh/http";
import { Listeners } from "@weftmesh/listeners";
import { eventually, MemoryStats, PushBody, RawClient, settle } from "@weftmesh/testkit";
import { acceptMode } from "@weftmesh/wire";
import { afterEach, describe, expect, it } from "vitest";
import { type Http1Server, type Http1ServerOptions, listenHttp1, serverConnectionStats } from "../src/index.ts";

const host = "Host: web.example\r\n";
const get = `GET /p HTTP/1.1\r\n${host}\r\n`;

interface Seen {
  readonly req: HttpRequest;
  readonly ctx: Ctx;
  readonly ends: Outcome[];
}

it("reads accepted connections into its own buffers on this runtime", async () => {
  expect(await acceptMode()).toBe("onread");
});

describe.each(["onread", "data"] as const)("a server that reads with %s", (acceptMode) => {
  const servers: Http1Server[] = [];
  const clients: RawClient[] = [];

  async function listen(
    call: (req: HttpRequest, ctx: Ctx) => Promise<HttpResponse>,
    options: Partial<Http1ServerOptions> = {},
  ): Promise<Http1Server> {
    const server = await listenHttp1({ service: service(call), port: 0, clock: systemClock, acceptMode, ...options });
    servers.push(server);
    return server;
  }

  function client(server: Http1Server): RawClient {
    const made = new RawClient(server.address.port);
    clients.push(made);
    return made;
  }

  function record(seen: Seen[], req: HttpRequest, ctx: Ctx): void {
    const ends: Outcome[] = [];
    ctx.observe({ onEnd: (_ctx, outcome) => ends.push(outcome) });
    seen.push({ req, ctx, ends });
  }

  afterEach(async () => {
    for (const each of clients.splice(0)) each.destroy();
    for (const server of servers.splice(0)) {
      await server.close(0);
      expect(server.connections).toBe(0);
    }
  });

  it("tells the service of both ends of the connection, by one object for all its requests", async () => {
    const connections: (Connection | undefined)[] = [];
    const server = await listen((_req, ctx) => {
      connections.push(ctx.get(ConnectionKey));
      return Promise.resolve(new HttpResponse(204));
    });
    const one = client(server).send(get + get);
    await one.until(() => one.statuses.length === 2);
    expect(connections[0]).toEqual({
      remote: { host: "127.0.0.1", port: one.socket.localPort },
      local: { host: "127.0.0.1", port: server.address.port },
      secure: false,
    });
    expect(connections[1]).toBe(connections[0]);
  });

  it("answers a thousand requests on one connection, each after its own", async () => {
    const server = await listen((req) =>
      Promise.resolve(new HttpResponse(200, new Headers(), textBody(`<${req.path}>`))),
    );
    const one = client(server);
    for (let i = 0; i < 1_000; i++) one.send(`GET /${i} HTTP/1.1\r\n${host}\r\n`);
    await one.until(() => one.text.endsWith("</999>"));
    expect([...one.text.matchAll(/<\/(\d+)>/g)].map((match) => Number(match[1]))).toEqual(
      Array.from({ length: 1_000 }, (_, i) => i),
    );
    expect(server.connections).toBe(1);
  });

  it.each([
    ["with a length", (length: number) => `Content-Length: ${length}\r\n`, (bytes: Buffer) => bytes],
    [
      "in chunks",
      () => "Transfer-Encoding: chunked\r\n",
      (bytes: Buffer) =>
        Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n0\r\n\r\n")]),
    ],
  ])("F5: carries 20 MB both ways %s, to a client that reads late", async (_what, lines, framed) => {
    const server = await listen((req) => Promise.resolve(new HttpResponse(200, new Headers(), req.body)));
    const content = Buffer.alloc(20_000_000);
    for (let i = 0; i < content.length; i += 4) content.writeUInt32LE(Math.imul(i, 2_654_435_761) >>> 0, i);
    const one = client(server);
    one.socket.pause();
    one.send(`POST /p HTTP/1.1\r\n${host}${lines(content.length)}Connection: close\r\n\r\n`).send(framed(content));
    // Both kernels' buffers and ours are full by then, and far from all of it is on its way.
    for (let i = 0; i < 50; i++) await settle();
    expect(one.socket.writableLength).toBeGreaterThan(1_000_000);
    one.socket.removeAllListeners("data");
    const chunks: Buffer[] = [];
    one.socket.on("data", (chunk) => chunks.push(chunk));
    one.socket.resume();
    await one.gone();
    const text = Buffer.concat(chunks);
    const start = text.indexOf("\r\n\r\n") + 4;
    const body = text.subarray(0, start).includes("chunked") ? unchunk(text.subarray(start)) : text.subarray(start);
    expect(body.equals(content)).toBe(true);
  });

  it("F7: delivers all of a response to a client that closed its half", async () => {
    const server = await listen(async () => {
      for (let i = 0; i < 20; i++) await settle();
      return new HttpResponse(200, new Headers(), textBody("x".repeat(300_000)));
    });
    const one = client(server).send(get);
    one.socket.end();
    await one.gone();
    expect(one.statuses.at(-1)).toBe(200);
    expect(one.text.endsWith(`\r\n\r\n${"x".repeat(300_000)}`)).toBe(true);
  });

  it.each([
    ["resets the connection", (one: RawClient) => one.socket.resetAndDestroy()],
    ["closes the connection", (one: RawClient) => one.socket.destroy()],
  ])("cancels the call when the client %s", async (_what, leave) => {
    const seen: Seen[] = [];
    const server = await listen((req, ctx) => {
      record(seen, req, ctx);
      return new Promise(() => {});
    });
    const one = client(server).send(get);
    await eventually("the call is there", () => seen.length === 1);
    leave(one);
    await eventually("the call is cancelled", () => seen[0]?.ctx.cancelled !== undefined);
    expect(seen[0]?.ctx.cancelled).toMatchObject({ code: "WEFT_CANCELLED" });
    expect(seen[0]?.ends).toMatchObject([{ kind: "failed" }]);
    await eventually("the connection is gone", () => server.connections === 0);
  });

  it("F9: cancels the call when the client leaves within the response", async () => {
    const seen: Seen[] = [];
    const body = new PushBody();
    const server = await listen((req, ctx) => {
      record(seen, req, ctx);
      return Promise.resolve(new HttpResponse(200, new Headers(), body));
    });
    const one = client(server).send(get);
    body.push(Buffer.from("first"));
    await one.until(() => one.text.includes("first"));
    one.destroy();
    await eventually("the body is stopped", () => {
      body.push(Buffer.alloc(1_000));
      return body.stopped !== undefined;
    });
    expect(seen[0]?.ends).toHaveLength(1);
    expect(seen[0]?.ctx.cancelled).toMatchObject({ code: "WEFT_CANCELLED" });
  });

  it("A60: a client does not see a clean end of a response that broke off", async () => {
    const body = new PushBody(10);
    const server = await listen(() => Promise.resolve(new HttpResponse(200, new Headers(), body)));
    const one = client(server).send("GET /p HTTP/1.1\r\nHost: a\r\n\r\n");
    body.push(Buffer.from("half"));
    await one.until(() => one.text.includes("half"));
    body.fail(new Error("gone"));
    await one.gone();
    expect(one.text.endsWith("\r\n\r\nhalf")).toBe(true);
    const endless = new PushBody();
    const other = await listen(() => Promise.resolve(new HttpResponse(200, new Headers(), endless)));
    const old = client(other).send("GET /p HTTP/1.0\r\n\r\n");
    endless.push(Buffer.from("half"));
    await old.until(() => old.text.includes("half"));
    endless.fail(new Error("gone"));
    await old.gone();
    expect(old.error).toMatchObject({ code: "ECONNRESET" });
  });

  it("A53: a client that sent far too much still gets to read its 414", async () => {
    const server = await listen(() => Promise.reject(new Error("not called")));
    const one = client(server);
    await eventually("it is there", () => server.connections === 1);
    one.socket.pause();
    one.send(`GET /${"a".repeat(200_000)}`);
    // Had the server closed at once, the reset for what it did not read would have taken the answer back by now.
    for (let i = 0; i < 50; i++) await settle();
    one.socket.resume();
    await one.gone();
    expect(one.statuses).toEqual([414]);
    expect(one.error).toBeUndefined();
  });

  it("F1, F13: closes slow heads in time, and leaves a thousand idle connections alone", async () => {
    const server = await listen(() => Promise.resolve(new HttpResponse(204)), {
      limits: { headerTimeoutMs: 200, lingerMs: 50 },
    });
    const idle = Array.from({ length: 1_000 }, () => client(server));
    const slow = client(server).send("GET / HT");
    const startedMs = systemClock.now();
    await slow.gone();
    expect(systemClock.now() - startedMs).toBeGreaterThan(150);
    expect(slow.statuses).toEqual([408]);
    await eventually("all are there", () => server.connections === 1_000 || server.connections);
    for (const each of idle) each.send(get);
    await eventually("all are answered", () => idle.every((each) => each.statuses[0] === 204));
  });

  it("hands its connections to the server that takes its address over, each behind the response under way", async () => {
    const listeners = new Listeners();
    const slow = new PushBody();
    const answer = (name: string) => (req: HttpRequest) =>
      Promise.resolve(new HttpResponse(200, new Headers(), req.path === "/slow" ? slow : textBody(name)));
    const first = await listen(answer("first"), { listeners });
    const [idle, busy] = [client(first).send(get), client(first).send(get.replace("/p", "/slow"))];
    await idle.until(() => idle.text.endsWith("first"));
    await eventually("the slow one is answered", () => slow.piped);
    listeners.beginTakeover();
    const second = await listen(answer("second"), { listeners, port: first.address.port });
    expect([second.address, first.connections, second.connections]).toEqual([first.address, 1, 1]);
    let closed = false;
    void first.close().then(() => {
      closed = true;
    });
    const fresh = client(second).send(get);
    idle.send(get);
    busy.send(get);
    await eventually("both are answered", () => [idle, fresh].every((each) => each.text.endsWith("second")));
    expect([closed, busy.text.includes("second")]).toEqual([false, false]);
    slow.end();
    await eventually("the slow one is answered by the second as well", () => busy.text.endsWith("second"));
    await eventually("the first is done", () => closed);
    expect([first.connections, second.connections]).toEqual([0, 3]);
    expect([idle, busy, fresh].map((each) => /connection: close/i.test(each.text))).toEqual([false, false, false]);
  });

  it("closes a connection without a request only after the idle grace, and tells who comes before", async () => {
    const server = await listen(() => Promise.resolve(new HttpResponse(200, new Headers(), textBody("x"))));
    const [silent, late] = [client(server).send(get), client(server).send(get)];
    for (const each of [silent, late]) await each.until(() => each.statuses.length === 1);
    const closing = server.close(10_000, 300);
    const other = new RawClient(server.address.port);
    await eventually("nobody listens", () => other.closed);
    late.send(get);
    await late.until(() => late.statuses.length === 2);
    expect(late.text.match(/connection: close/gi)?.length).toBe(1);
    await late.gone();
    await silent.gone();
    expect([silent.statuses.length, /connection: close/i.test(silent.text)]).toEqual([1, false]);
    await closing;
  });

  it("closes idle connections after the idle time", async () => {
    const server = await listen(() => Promise.resolve(new HttpResponse(204)), { session: { idleTimeMs: 60 } });
    const one = client(server).send(get);
    await one.gone();
    expect(one.statuses).toEqual([204]);
  });

  it("says which address is taken", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    await expect(listen(() => Promise.reject(new Error()), { port })).rejects.toMatchObject({
      code: "WEFT_LISTEN",
      message: `cannot listen on 127.0.0.1:${port}: the port is in use`,
    });
    other.close();
  });

  it("drains: answers what is under way, closes the rest, and accepts no more", async () => {
    const body = new PushBody();
    const server = await listen(() => Promise.resolve(new HttpResponse(200, new Headers(), body)));
    const busy = client(server).send(get);
    const idle = client(server);
    await eventually("both are there", () => server.connections === 2);
    await busy.until(() => busy.statuses.length === 1);
    const closing = server.close();
    await idle.gone();
    const late = client(server);
    await late.gone();
    expect(late.error).toMatchObject({ code: "ECONNREFUSED" });
    body.push(Buffer.from("last"));
    body.end();
    await busy.gone();
    expect(busy.text.endsWith("4\r\nlast\r\n0\r\n\r\n")).toBe(true);
    await closing;
    expect(server.connections).toBe(0);
  });

  it("destroys at the end of the grace what does not end by itself", async () => {
    const server = await listen(() => new Promise(() => {}));
    const one = client(server).send(get);
    await eventually("the call is there", () => server.connections === 1);
    await server.close(20);
    expect(server.connections).toBe(0);
    await one.gone();
    expect(one.text).toBe("");
  });

  it("counts connections and bytes under the names of Linkerd", async () => {
    const stats = new MemoryStats();
    const server = await listen(() => Promise.resolve(new HttpResponse(204)), { stats: serverConnectionStats(stats) });
    const one = client(server).send(get);
    await one.until(() => one.statuses.length === 1);
    expect(stats.readCounter("connects")).toBe(1);
    expect(stats.readCounter("received_bytes")).toBe(get.length);
    expect(stats.readCounter("sent_bytes")).toBe(one.text.length);
    one.destroy();
    await eventually("it is gone", () => server.connections === 0);
    expect(stats.readCounter("closes")).toBe(1);
    expect(stats.readStat("connection_requests")).toEqual([1]);
    expect(stats.readStat("connection_received_bytes")).toEqual([get.length]);
  });
});

function unchunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let p = 0; ; ) {
    const end = bytes.indexOf("\r\n", p);
    const size = Number.parseInt(bytes.toString("latin1", p, end), 16);
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    p = end + 2 + size + 2;
  }
}
