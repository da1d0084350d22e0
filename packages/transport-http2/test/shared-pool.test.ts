import { once } from "node:events";
import { createServer, type Http2Server as NodeServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Ctx, systemClock } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest, type HttpResponse } from "@weftmesh/http";
import { SharedPool } from "@weftmesh/pool";
import { eventually, ManualClock, RecordingSink } from "@weftmesh/testkit";
import { Http2Connector } from "@weftmesh/transport-http2";
import { afterEach, describe, expect, it } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Backend {
  readonly port: number;
  readonly sessions: ServerHttp2Session[];
  /** Streams that wait for an answer. */
  readonly waiting: (() => void)[];
}

async function backend(maxConcurrentStreams: number): Promise<Backend> {
  const server: NodeServer = createServer({ settings: { maxConcurrentStreams } });
  const sessions: ServerHttp2Session[] = [];
  const waiting: (() => void)[] = [];
  server.on("session", (session) => sessions.push(session));
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    waiting.push(() => {
      stream.respond({ ":status": 200 });
      stream.end("done");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sessions, waiting };
}

function get(): HttpRequest {
  return new HttpRequest("1.1", "GET", "http", "test.example", "/", new Headers(), emptyBody);
}

function pooled(port: number, clock = systemClock, sessionIdleTimeMs = Number.POSITIVE_INFINITY, maxSize?: number) {
  const connector = new Http2Connector({ host: "127.0.0.1", port, clock: systemClock, connectTimeoutMs: 10_000 });
  const pool = new SharedPool<HttpRequest, HttpResponse>(connector, {
    clock,
    sessionIdleTimeMs,
    ...(maxSize === undefined ? {} : { maxSize }),
  });
  closers.push(() => pool.close());
  return pool;
}

async function textOf(call: Promise<HttpResponse>): Promise<string> {
  const sink = RecordingSink.of((await call).body);
  await sink.done;
  return sink.text();
}

describe("a pool of sessions of HTTP/2", () => {
  it("makes many calls at once on one connection", async () => {
    const { port, sessions, waiting } = await backend(100);
    const pool = pooled(port);
    const calls = Array.from({ length: 50 }, () => textOf(pool.call(get(), new Ctx())));
    await eventually("all of them have come", () => waiting.length === 50 || waiting.length);
    for (const answer of waiting) answer();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["done"]));
    expect(sessions).toHaveLength(1);
  });

  it("B27: opens as many connections as a server with a limit needs, and no call fails", async () => {
    const { port, sessions, waiting } = await backend(2);
    const pool = pooled(port);
    const calls = Array.from({ length: 7 }, () => textOf(pool.call(get(), new Ctx())));
    await eventually("all of them have come", () => waiting.length === 7 || waiting.length);
    expect(sessions).toHaveLength(4);
    for (const answer of waiting) answer();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["done"]));
    expect(pool.load).toBe(0);
  });

  it("B27: lets calls wait for one another where there may be one connection only", async () => {
    const { port, sessions, waiting } = await backend(1);
    const pool = pooled(port, systemClock, Number.POSITIVE_INFINITY, 1);
    const calls = Array.from({ length: 3 }, () => textOf(pool.call(get(), new Ctx())));
    for (let i = 0; i < 3; i++) {
      await eventually("the next one has come", () => waiting.length === 1);
      waiting.shift()?.();
    }
    expect(await Promise.all(calls)).toEqual(["done", "done", "done"]);
    expect(sessions).toHaveLength(1);
  });

  it("leaves a connection that goes away, behind its last call, and opens another", async () => {
    const { port, sessions, waiting } = await backend(100);
    const pool = pooled(port);
    const first = textOf(pool.call(get(), new Ctx()));
    await eventually("it has come", () => waiting.length === 1);
    sessions[0]?.goaway();
    await eventually("the pool knows", () => pool.load === 0);
    const second = textOf(pool.call(get(), new Ctx()));
    await eventually("the next one has come", () => waiting.length === 2);
    expect(sessions).toHaveLength(2);
    for (const answer of waiting) answer();
    expect(await Promise.all([first, second])).toEqual(["done", "done"]);
    await eventually("the first connection is gone", () => pool.size === 1);
  });

  it("closes a connection that was idle for its time, and never one that has a call", async () => {
    const { port, sessions, waiting } = await backend(100);
    const clock = new ManualClock();
    const pool = pooled(port, clock, 8_000);
    const call = textOf(pool.call(get(), new Ctx()));
    await eventually("it has come", () => waiting.length === 1);
    await clock.advance(60_000);
    expect(pool.size).toBe(1);
    waiting[0]?.();
    expect(await call).toBe("done");
    await clock.advance(7_000);
    expect(pool.size).toBe(1);
    await clock.advance(4_000);
    await eventually("it is closed", () => pool.size === 0);
    expect(sessions).toHaveLength(1);
    expect(clock.armed).toBe(0);
  });
});
