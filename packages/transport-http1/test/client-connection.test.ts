import { CancelledError, type Clock, Ctx, ok, systemClock } from "@weftmesh/core";
import {
  bytesBody,
  collectBody,
  dispatchHttp,
  emptyBody,
  Full,
  Headers,
  HttpRequest,
  type HttpResponse,
} from "@weftmesh/http";
import { Pool, type SessionOwner } from "@weftmesh/pool";
import { nullStats } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats, PushBody, RecordingSink, settle, testError } from "@weftmesh/testkit";
import { ClientConnection, type ClientConnectionOptions, Http1Connector } from "@weftmesh/transport-http1";
import { ClientStats } from "@weftmesh/wire";
import { describe, expect, it } from "vitest";
import { ClientWire } from "./client-wire.ts";
import { RawBackend } from "./raw-backend.ts";

function connection(
  clock: Clock = systemClock,
  options: Partial<ClientConnectionOptions> = {},
): { wire: ClientWire; client: ClientConnection; owner: CountingOwner } {
  const wire = new ClientWire();
  const client = new ClientConnection(wire, {
    clock,
    stats: ClientStats.of(nullStats),
    limits: { maxInitialLineBytes: 100, maxHeaderBytes: 400, maxHeaderLines: 20 },
    continueTimeoutMs: 1_000,
    peer: "peer",
    ...options,
  });
  wire.readBy(client);
  const owner = new CountingOwner();
  client.owner = owner;
  return { wire, client, owner };
}

class CountingOwner implements SessionOwner<HttpRequest, HttpResponse> {
  redials = 0;
  closes = 0;

  redial(): Promise<HttpResponse> {
    this.redials++;
    return new Promise(() => {});
  }

  sessionClosed(): void {
    this.closes++;
  }
}

function request(method = "GET", body: HttpRequest["body"] = emptyBody, ...flat: string[]): HttpRequest {
  return new HttpRequest("1.1", method, "http", "a", "/", Headers.of(...flat), body);
}

const okText = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const text = (bytes: string): Buffer => Buffer.from(bytes, "latin1");

describe("ClientConnection", () => {
  it("sends the head and the first bytes of the body in one write", () => {
    const { wire, client } = connection();
    const writes: string[] = [];
    wire.writeText = (written) => {
      writes.push(written);
      return 0;
    };
    void client.call(request("POST", bytesBody(text("body"))), new Ctx());
    expect(writes).toEqual(["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"]);
    void connection().client.call(request("POST", new PushBody()), new Ctx());
  });

  it("is open again with the end of the response, before its sink hears of it", async () => {
    const { wire, client } = connection();
    const call = client.call(request(), new Ctx());
    wire.feed(text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    let seen: string | undefined;
    (await call).body.pipe({
      onData: () => 0,
      onEnd: () => {
        seen = client.status;
      },
      onError: () => {},
    });
    expect(client.status).toBe("busy");
    wire.feed(text("0\r\n\r\n"));
    expect(seen).toBe("open");
  });

  it("keeps what came before the body was piped, though the memory was only lent", async () => {
    for (const framing of ["Content-Length: 10", "Transfer-Encoding: chunked", "X: y"]) {
      const { wire, client } = connection();
      const call = client.call(request(), new Ctx());
      const chunked = framing.startsWith("T");
      wire.feed(text(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${chunked ? "5\r\n" : ""}abc`));
      const rep = await call;
      for (let i = 0; i < 3; i++) await settle();
      wire.feed(text("de"));
      wire.feed(text(chunked ? "\r\n5\r\nfghij\r\n0\r\n\r\n" : "fghij"));
      wire.feedEnd();
      for (let i = 0; i < 3; i++) await settle();
      expect(wire.paused).toBe(true);
      expect((await collectBody(rep.body, 100)).toString()).toBe("abcdefghij");
    }
  });

  it("gives a body that is all there even when the connection has broken meanwhile, and an error if it is not", async () => {
    for (const [length, ends] of [
      [4, true],
      [5, false],
    ] as const) {
      const { wire, client, owner } = connection();
      const call = client.call(request(), new Ctx());
      wire.feed(text(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\nab`));
      const rep = await call;
      await settle();
      wire.feed(text("cd"));
      wire.fail(testError("reset"));
      expect([client.status, owner.closes]).toEqual(["closed", 1]);
      const sink = RecordingSink.of(rep.body);
      await settle();
      expect([sink.text(), sink.ended]).toEqual(["abcd", ends]);
      expect(sink.error?.message).toBe(ends ? undefined : "peer closed the connection after 4 of 5 bytes of the body");
      expect(owner.closes).toBe(1);
    }
  });

  it("reads no more while its sink is full", async () => {
    const { wire, client } = connection();
    const call = client.call(request(), new Ctx());
    wire.feed(text("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab"));
    const sink = RecordingSink.of((await call).body, Full);
    await settle();
    wire.feed(text("cd"));
    wire.feed(text("ef"));
    expect([sink.text(), wire.paused]).toEqual(["ab", true]);
    sink.resume();
    await settle();
    expect([sink.text(), sink.ended, wire.paused]).toEqual(["abcdef", true, false]);
    expect(client.status).toBe("open");
  });

  it("asks the source of the request to wait while the wire is full", () => {
    const { wire, client } = connection();
    const body = new PushBody();
    void client.call(request("POST", body), new Ctx());
    wire.answer = Full;
    body.push(text("x"));
    expect(body.full).toBe(true);
    client.onWritable();
    expect(body.full).toBe(false);
  });

  it("A56: sends the body that waits for 100 Continue after a while, and leaves no timer behind", async () => {
    const clock = new ManualClock();
    const { wire, client } = connection(clock);
    const body = new PushBody(2);
    const call = client.call(request("PUT", body, "expect", "100-continue"), new Ctx());
    await clock.advance(999);
    expect(body.piped).toBe(false);
    await clock.advance(1);
    expect(body.piped).toBe(true);
    body.push(text("hi"));
    body.end();
    wire.feed(text(okText));
    expect((await call).status).toBe(200);
    expect([client.status, clock.armed]).toEqual(["open", 0]);

    for (const answered of [true, false]) {
      const held = connection(clock);
      const req = request("PUT", new PushBody(2), "expect", "100-continue");
      const caught = held.client.call(req, new Ctx()).catch(() => {});
      expect(clock.armed).toBe(1);
      if (answered) held.wire.feed(text(okText));
      else held.wire.feedEnd();
      await caught;
      expect([held.client.status, clock.armed]).toEqual(["closed", 0]);
    }
  });

  it("resets the connection when it gives up, so that the peer does not work on", async () => {
    const { wire, client, owner } = connection();
    const ctx = new Ctx();
    const call = client.call(request(), ctx);
    const reason = new CancelledError();
    ctx.cancel(reason);
    await expect(call).rejects.toBe(reason);
    expect([wire.wasReset, client.status, owner.closes]).toEqual([true, "closed", 1]);
  });

  it("is not harmed by the cancelling of an earlier call", async () => {
    const { wire, client } = connection();
    const earlier = new Ctx();
    const first = client.call(request(), earlier);
    wire.feed(text(okText));
    await first;
    const second = client.call(request(), new Ctx());
    earlier.cancel(new CancelledError());
    wire.feed(text(okText));
    expect((await second).status).toBe(200);
  });

  it("lets no source write after the end of its request", async () => {
    const { wire, client } = connection();
    let late: { onData(chunk: Uint8Array): number; onEnd(trailers: undefined): void } | undefined;
    const body: HttpRequest["body"] = {
      length: 1,
      pipe: (sink) => {
        late = sink;
        sink.onData(text("x"));
        sink.onEnd(undefined);
        return { resume: () => {}, stop: () => {} };
      },
    };
    const call = client.call(request("POST", body), new Ctx());
    wire.feed(text(okText));
    await call;
    const { written } = wire;
    late?.onData(text("smuggled"));
    late?.onEnd(undefined);
    expect(wire.written).toBe(written);
    expect(client.status).toBe("open");
  });

  it("asks for a redial only when it was used before, nothing has come, and sending again is safe", async () => {
    for (const { used, method, body, answer, redials } of [
      { used: true, method: "GET", body: emptyBody, answer: "", redials: 1 },
      { used: false, method: "GET", body: emptyBody, answer: "", redials: 0 },
      { used: true, method: "POST", body: emptyBody, answer: "", redials: 0 },
      { used: true, method: "PATCH", body: emptyBody, answer: "", redials: 0 },
      { used: true, method: "PUT", body: bytesBody(text("x")), answer: "", redials: 0 },
      { used: true, method: "GET", body: emptyBody, answer: "H", redials: 0 },
      { used: true, method: "GET", body: emptyBody, answer: "HTTP/1.1 103 X\r\n\r\n", redials: 0 },
    ]) {
      const { wire, client, owner } = connection();
      if (used) {
        const first = client.call(request(), new Ctx());
        wire.feed(text(okText));
        await first;
      }
      const call = client.call(request(method, body), new Ctx());
      const caught = expect(redials === 1 ? Promise.reject(new Error()) : call).rejects.toBeInstanceOf(Error);
      wire.feed(text(answer));
      wire.feedEnd();
      await caught;
      expect([owner.redials, owner.closes, client.status]).toEqual([redials, 1, "closed"]);
    }
  });

  it("cuts off a server that sends nothing while it is waited for, in its time, and no other", async () => {
    const timeouts = { readTimeoutMs: 1_000, writeTimeoutMs: Number.POSITIVE_INFINITY };
    const clock = new ManualClock();
    const { wire, client } = connection(clock, { timeouts });
    const first = client.call(request(), new Ctx());
    await clock.advance(900);
    wire.feed(text("HTTP/1.1 200 OK\r\n"));
    await clock.advance(900);
    wire.feed(text("Content-Length: 4\r\n\r\nab"));
    const sink = RecordingSink.of((await first).body, Full);
    await settle();
    // Now it is the sink that takes its time, and then nobody.
    await clock.advance(10_000);
    wire.feed(text("cd"));
    sink.resume();
    await settle();
    expect([sink.text(), client.status]).toEqual(["abcd", "open"]);
    await clock.advance(10_000);
    expect([client.status, clock.armed]).toEqual(["open", 0]);

    const startedMs = clock.now();
    const silent = client.call(request(), new Ctx());
    const caught = expect(silent).rejects.toMatchObject({
      code: "WEFT_CONNECTION_LOST",
      message: "peer sent nothing for 1000 ms",
    });
    while (client.status === "busy") await clock.advance(10);
    await caught;
    expect(clock.now() - startedMs).toBeGreaterThanOrEqual(1_000);
    expect(clock.now() - startedMs).toBeLessThanOrEqual(1_260);
    expect([wire.wasReset, clock.armed]).toEqual([true, 0]);
  });

  it("cuts off a server that takes nothing of the request, and no slow one", async () => {
    const timeouts = { readTimeoutMs: Number.POSITIVE_INFINITY, writeTimeoutMs: 1_000 };
    const clock = new ManualClock();
    const { wire, client } = connection(clock, { timeouts });
    const body = new PushBody();
    const caught = expect(client.call(request("POST", body), new Ctx())).rejects.toMatchObject({
      message: "peer took nothing for 1000 ms",
    });
    wire.pending = 100;
    for (let i = 0; i < 20; i++) {
      body.push(text("x"));
      await clock.advance(500);
    }
    expect(client.status).toBe("busy");
    await clock.advance(1_500);
    await caught;
    expect(body.stopped).toBeInstanceOf(Error);
    expect(clock.armed).toBe(0);
  });

  it("closes at once when idle, after the exchange when busy, and at once when the call was left", async () => {
    const idle = connection();
    await idle.client.close();
    expect(idle.wire.closed).toBe(true);
    await idle.client.close();

    const busy = connection();
    const call = busy.client.call(request(), new Ctx());
    const closing = busy.client.close();
    busy.wire.feed(text(okText));
    expect((await call).status).toBe(200);
    await closing;
    expect(busy.client.status).toBe("closed");

    const left = connection();
    const ctx = new Ctx();
    const open = left.client.call(request(), ctx);
    left.wire.feed(text("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"));
    await open;
    ctx.end(ok);
    await left.client.close();
    expect(left.wire.closed).toBe(true);
  });

  it("fails a call on a connection that is in use or closed without harm, as one of which nothing was sent", async () => {
    const { wire, client } = connection();
    const first = client.call(request(), new Ctx());
    await expect(client.call(request(), new Ctx())).rejects.toMatchObject({ flags: ["retryable"] });
    wire.feed(text(okText));
    expect((await first).status).toBe(200);
    await client.close();
    await expect(client.call(request(), new Ctx())).rejects.toMatchObject({
      code: "WEFT_CONNECTION_LOST",
      flags: ["retryable"],
    });
  });
});

describe("a connection in a pool", () => {
  it("A57: is never handed to the next call when bytes are left over behind a streamed response", async () => {
    const backend = await RawBackend.start();
    const connector = new Http1Connector({ host: "127.0.0.1", port: backend.port, clock: systemClock });
    const pool = new Pool(connector, { clock: systemClock, maxSize: 1 });
    backend.onRequest = (peer) => peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    const first = RecordingSink.of((await dispatchHttp(pool, request())).body);
    const second = dispatchHttp(pool, request());
    expect(pool.waiters).toBe(1);
    backend.onRequest = (peer) => peer.send(okText);
    backend.connections[0]?.send("0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    await first.done;
    expect((await collectBody((await second).body, 10)).toString()).toBe("ok");
    expect(backend.connections).toHaveLength(2);
    expect(backend.connections[0]?.heads).toBe(1);
    await backend.close();
    await pool.close();
  });
});

describe("Http1Connector", () => {
  const hasty: Clock = {
    now: () => 0,
    epochMs: () => 0,
    after: (_ms, fn) => {
      queueMicrotask(fn);
      return { cancel: () => {} };
    },
  };

  it("F12: gives up a connect that takes too long, and says after how long", async () => {
    const backend = await RawBackend.start();
    const stats = new MemoryStats();
    const connector = new Http1Connector({ host: "127.0.0.1", port: backend.port, clock: hasty, stats });
    await expect(connector.open(new Ctx())).rejects.toMatchObject({
      code: "WEFT_CONNECT_TIMEOUT",
      flags: ["retryable"],
      host: "127.0.0.1",
      port: backend.port,
      message: `no connection to 127.0.0.1:${backend.port} within 1000 ms`,
    });
    expect(stats.readStat("failed_connect_latency_ms")).toHaveLength(1);
    for (let i = 0; i < 50; i++) await settle();
    expect(backend.open).toBe(0);
    await backend.close();
  });

  it("gives up a connect that is cancelled, with the reason, and counts it", async () => {
    const backend = await RawBackend.start();
    const stats = new MemoryStats();
    const clock = new ManualClock();
    const connector = new Http1Connector({ host: "127.0.0.1", port: backend.port, clock, stats });
    const ctx = new Ctx();
    const opening = connector.open(ctx);
    const reason = new CancelledError();
    ctx.cancel(reason);
    await expect(opening).rejects.toBe(reason);
    expect([stats.readCounter("cancelled_connects"), stats.readCounter("connects"), clock.armed]).toEqual([1, 0, 0]);
    await expect(connector.open(ctx)).rejects.toBe(reason);
    await backend.close();
  });

  it("names an IPv6 peer in brackets, and opens nothing once it is closed", async () => {
    const connector = new Http1Connector({ host: "::1", port: 1, clock: systemClock });
    const error: unknown = await connector.open(new Ctx()).catch((caught: unknown) => caught);
    expect(String(error)).toContain("[::1]:1");
    await connector.close();
    await expect(connector.open(new Ctx())).rejects.toMatchObject({ code: "WEFT_CLOSED" });
    expect(connector.status).toBe("closed");
  });
});
