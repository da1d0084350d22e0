import { CancelledError, Ctx, type Service, systemClock } from "@weftmesh/core";
import {
  bytesBody,
  collectBody,
  dispatchHttp,
  emptyBody,
  Headers,
  HttpRequest,
  type HttpResponse,
  textBody,
} from "@weftmesh/http";
import { Pool } from "@weftmesh/pool";
import { eventually, MemoryStats, PushBody, RecordingSink, settle } from "@weftmesh/testkit";
import { Http1Connector } from "@weftmesh/transport-http1";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RawBackend } from "./raw-backend.ts";

let backend: RawBackend;
let stats: MemoryStats;
let pool: Pool<HttpRequest, HttpResponse>;

beforeEach(async () => {
  backend = await RawBackend.start();
  stats = new MemoryStats();
  pool = newPool();
});

afterEach(async () => {
  await backend.close();
  await pool.close();
  expect(stats.readGauge("connections") ?? 0).toBe(0);
});

function newPool(port = backend.port): Pool<HttpRequest, HttpResponse> {
  const connector = new Http1Connector({ host: "127.0.0.1", port, clock: systemClock, stats });
  return new Pool(connector, { clock: systemClock, stats });
}

function request(method: string, path = "/", body = emptyBody as HttpRequest["body"], ...flat: string[]): HttpRequest {
  return new HttpRequest("1.1", method, "http", "web.example", path, Headers.of(...flat), body);
}

const get = (path = "/"): HttpRequest => request("GET", path);

interface Seen {
  readonly status: number;
  readonly text: string;
}

async function exchange(req: HttpRequest, svc: Service<HttpRequest, HttpResponse> = pool): Promise<Seen> {
  const rep = await dispatchHttp(svc, req);
  return { status: rep.status, text: (await collectBody(rep.body, 1_000_000)).toString("latin1") };
}

/** Answers every request with the text. */
function answers(text: string): void {
  backend.onRequest = (connection) => connection.send(text);
}

async function errorOf(call: Promise<unknown>): Promise<Error & { code: string }> {
  return (await call.then(
    () => expect.unreachable("the call went well"),
    (error: Error) => error,
  )) as Error & { code: string };
}

const okText = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("a request", () => {
  it("is one head in origin form, with a Host made of the authority when there is none", async () => {
    answers(okText);
    await exchange(request("GET", "/a?b", emptyBody, "x-one", "1"));
    await exchange(request("OPTIONS", "*", emptyBody, "host", "other"));
    expect(backend.connections.map((each) => each.received)).toEqual([
      "GET /a?b HTTP/1.1\r\nHost: web.example\r\nx-one: 1\r\n\r\nOPTIONS * HTTP/1.1\r\nhost: other\r\n\r\n",
    ]);
  });

  it("says once and truly how long its body is, whatever its headers said", async () => {
    answers(okText);
    await exchange(request("POST", "/", textBody("abc"), "content-length", "7", "Transfer-Encoding", "chunked"));
    await exchange(request("POST", "/", textBody("abc"), "content-length", "3", "x", "y"));
    await exchange(request("POST", "/", textBody("abc"), "content-length", "3", "Content-Length", "3"));
    await exchange(request("POST"));
    await exchange(request("GET", "/", emptyBody, "content-length", "0"));
    await exchange(request("DELETE", "/", emptyBody, "content-length", "9"));
    expect(backend.connections[0]?.received).toBe(
      [
        "POST / HTTP/1.1\r\nHost: web.example\r\nContent-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: web.example\r\ncontent-length: 3\r\nx: y\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: web.example\r\nContent-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: web.example\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: web.example\r\ncontent-length: 0\r\n\r\n",
        "DELETE / HTTP/1.1\r\nHost: web.example\r\nContent-Length: 0\r\n\r\n",
      ].join(""),
    );
  });

  it("sends a body of unknown length in chunks, with its trailers", async () => {
    const body = new PushBody();
    const call = exchange(request("POST", "/", body, "content-length", "3"));
    await eventually("the head is there", () => backend.connections[0]?.heads === 1);
    body.push(Buffer.from("hello"));
    body.push(Buffer.alloc(0));
    body.push(Buffer.from("x".repeat(17)));
    body.end(Headers.of("x-sum", "22", "content-length", "1"));
    await eventually("the end is there", () => backend.connections[0]?.received.endsWith("x-sum: 22\r\n\r\n"));
    backend.connections[0]?.send(okText);
    expect(await call).toEqual({ status: 200, text: "ok" });
    expect(backend.connections[0]?.received).toBe(
      "POST / HTTP/1.1\r\nHost: web.example\r\nTransfer-Encoding: chunked\r\n\r\n" +
        `5\r\nhello\r\n11\r\n${"x".repeat(17)}\r\n0\r\nx-sum: 22\r\n\r\n`,
    );
  });

  it("B20: is refused when it would not stay in its place, and costs no connection", async () => {
    answers(okText);
    await exchange(get());
    for (const req of [
      get("/a b"),
      get("/a\r\nx: y"),
      get("/\0"),
      get("a"),
      get(""),
      get("/#a"),
      request("GE T"),
      request("GET\r\n"),
      request(""),
      request("CONNECT"),
      new HttpRequest("2", "GET", "http", "a\r\nb", "/", new Headers(), emptyBody),
    ]) {
      expect(await errorOf(exchange(req))).toMatchObject({ code: "WEFT_PROTOCOL_REQUEST" });
    }
    expect(await exchange(get())).toEqual({ status: 200, text: "ok" });
    expect(backend.connections).toHaveLength(1);
  });

  it("is broken off visibly when its body fails or is not as long as it said", async () => {
    const failing = new PushBody();
    const short = new PushBody(10);
    const long = new PushBody(3);
    const call = [failing, short, long].map((body) => errorOf(exchange(request("POST", "/", body))));
    await eventually("the heads are there", () => backend.connections.filter((each) => each.heads === 1).length === 3);
    failing.push(Buffer.from("half"));
    failing.fail(new Error("the source broke"));
    short.push(Buffer.from("12345"));
    short.end();
    long.push(Buffer.from("1234"));
    expect((await Promise.all(call)).map((error) => error.message)).toEqual([
      "the source broke",
      "the body of the request ended 5 bytes before it said",
      "the body of the request is longer than it said",
    ]);
    expect(long.stopped).toBeInstanceOf(Error);
    await eventually("the connections are closed", () =>
      backend.connections.every((each) => each.ended || each.closed),
    );
    for (const { received } of backend.connections) expect(received).not.toMatch(/0\r\n\r\n$/);
    expect(pool.size).toBe(0);
  });

  it("whose body fails under an answer is the fault of neither the peer nor the answer", async () => {
    const failing = new PushBody();
    backend.onRequest = (connection) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    const call = errorOf(exchange(request("POST", "/", failing)));
    await eventually("the head is there", () => backend.connections[0]?.heads === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    failing.fail(new Error("the source broke"));
    expect(await call).toMatchObject({
      code: "WEFT_REQUEST_BROKEN",
      flags: ["interrupted", "ignorable"],
      cause: { message: "the source broke" },
    });
    expect(pool.size).toBe(0);
  });

  it("A56: holds its body back until the peer says 100 Continue, and never sends it after a final status", async () => {
    backend.onRequest = (connection, n) => connection.send(n === 0 ? "HTTP/1.1 100 Continue\r\n\r\n" : okText);
    const body = new PushBody(4);
    const call = exchange(request("POST", "/", body, "expect", "100-continue"));
    expect(body.piped).toBe(false);
    await eventually("the body is wanted", () => body.piped);
    body.push(Buffer.from("body"));
    body.end();
    await eventually("the body is there", () => backend.connections[0]?.received.endsWith("body"));
    backend.connections[0]?.send(okText);
    expect(await call).toEqual({ status: 200, text: "ok" });

    answers("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
    const refused = new PushBody(4);
    expect(await exchange(request("POST", "/", refused, "expect", "100-Continue"))).toEqual({ status: 417, text: "" });
    expect(refused.piped).toBe(false);
    // The peer may wait for the body for ever, so the connection is of no more use.
    await eventually("the connection is closed", () => backend.connections[0]?.ended);
    expect(pool.size).toBe(0);
  });
});

describe("a response", () => {
  it("may have its length in a number, in chunks, or in the end of the connection", async () => {
    answers("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    expect(await exchange(get())).toEqual({ status: 200, text: "hello" });
    answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n");
    expect(await exchange(get())).toEqual({ status: 200, text: "hello" });
    expect(pool.cached).toBe(1);
    backend.onRequest = (connection) => {
      connection.send("HTTP/1.1 200 OK\r\n\r\nhello");
      connection.end();
    };
    expect(await exchange(get())).toEqual({ status: 200, text: "hello" });
    await eventually("the connection is closed", () => backend.connections[0]?.closed);
    expect(pool.size).toBe(0);
    expect(backend.connections).toHaveLength(1);
  });

  it("shows its trailers, without those that may not stand there", async () => {
    answers(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-sum: 1\r\nContent-Length: 7\r\nl5d-err: x\r\n\r\n",
    );
    const sink = RecordingSink.of((await dispatchHttp(pool, get())).body);
    await sink.done;
    expect(sink.trailers?.toLines()).toBe("x-sum: 1\r\n");
    expect(pool.cached).toBe(1);
  });

  it("keeps its headers as they came, save the coding that was taken off", async () => {
    answers("HTTP/1.1 201 Created\r\nX-A:  1 \r\nTransfer-Encoding: Chunked\r\nx-a: 2\r\n\r\n0\r\n\r\n");
    const rep = await dispatchHttp(pool, get());
    expect(rep.headers.toLines()).toBe("X-A:  1 \r\nx-a: 2\r\n");
    expect(rep.body.length).toBeUndefined();
    await collectBody(rep.body, 10);
  });

  it("closes the connection where it says so, and where HTTP/1.0 does not say otherwise", async () => {
    const rows: readonly [string, number][] = [
      ["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 0],
      ["HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n", 0],
      ["HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0],
      ["HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", 1],
      ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1],
      ["HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 1],
    ];
    for (const [text, kept] of rows) {
      answers(text);
      expect((await exchange(get())).status).toBe(200);
      expect([text, pool.cached]).toEqual([text, kept]);
      expect(pool.size).toBe(kept);
    }
  });

  it("has no body with HEAD, 204 and 304, whatever its headers say, and leaves the connection usable", async () => {
    for (const [method, status, head] of [
      ["HEAD", 200, "Content-Length: 5"],
      ["HEAD", 200, "Transfer-Encoding: chunked"],
      ["GET", 204, "Content-Length: 5"],
      ["GET", 304, "Content-Length: 5"],
    ] as const) {
      answers(`HTTP/1.1 ${status} X\r\n${head}\r\n\r\n`);
      expect(await exchange(request(method))).toEqual({ status, text: "" });
      expect(pool.cached).toBe(1);
    }
    expect(backend.connections).toHaveLength(1);
  });

  it("may come before the request was sent: it is passed on, and the connection closed", async () => {
    const body = new PushBody();
    answers("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    const rep = await dispatchHttp(pool, request("POST", "/", body));
    expect(rep.status).toBe(413);
    expect((await collectBody(rep.body, 10)).toString()).toBe("big");
    expect(body.stopped).toBeInstanceOf(Error);
    await eventually("the connection is closed", () => backend.connections[0]?.ended);
    expect(pool.size).toBe(0);
  });

  it("goes on being read while the request is still being sent", async () => {
    const body = new PushBody();
    backend.onRequest = (connection, n) => {
      // The last chunk of the request ends in an empty line too.
      if (n === 0) connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    };
    const rep = await dispatchHttp(pool, request("POST", "/", body));
    const sink = RecordingSink.of(rep.body);
    for (const word of ["one", "two", "three"]) {
      body.push(Buffer.from(word));
      await eventually("the word is there", () => backend.connections[0]?.received.includes(word));
      backend.connections[0]?.send(`${word.length.toString(16)}\r\n${word}\r\n`);
      await eventually("the word is back", () => sink.text().endsWith(word));
    }
    body.end();
    await eventually("the end is there", () => backend.connections[0]?.received.endsWith("0\r\n\r\n"));
    backend.connections[0]?.send("0\r\n\r\n");
    await sink.done;
    expect(sink.text()).toBe("onetwothree");
    expect(pool.cached).toBe(1);
  });
});

describe("a hostile response", () => {
  const closed = () => eventually("the connection is closed", () => backend.open === 0 || backend.open);

  it("A57: bytes behind HEAD, 204 and 304 never reach the caller, and the connection is dropped", async () => {
    for (const [method, status] of [
      ["HEAD", 200],
      ["GET", 204],
      ["GET", 304],
    ] as const) {
      answers(`HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\nHTTP/`);
      expect(await exchange(request(method))).toEqual({ status, text: "" });
      expect(pool.size).toBe(0);
      await closed();
    }
  });

  it("A57: bytes behind any response are dropped with the connection", async () => {
    for (const text of [
      `${okText}HTTP/1.1 200 OK\r\n\r\n`,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx",
    ]) {
      answers(text);
      expect((await exchange(get())).status).toBe(200);
      expect(pool.size).toBe(0);
      await closed();
    }
  });

  it("A57: bytes on an idle connection close it before anybody can take them for an answer", async () => {
    answers(okText);
    await exchange(get());
    backend.connections[0]?.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    await closed();
    expect(pool.size).toBe(0);
    expect(await exchange(get())).toEqual({ status: 200, text: "ok" });
  });

  it("A58: a head that leaves a doubt is an error with the peer in it, and the connection is dropped", async () => {
    const bad = [
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
      "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok",
      "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 99999\r\n\r\n",
      "HTTP/1.1 99 X\r\n\r\n",
      "HTTP/1.1 099 X\r\n\r\n",
      "HTTP/1.0 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 20x OK\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1  200 OK\r\n\r\n",
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/1.2 200 OK\r\n\r\n",
      "http/1.1 200 OK\r\n\r\n",
      "ICY 200 OK\r\n\r\n",
      "\r\nHTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.1 200 OK\n\n",
      "HTTP/1.1 200 O\rK\r\n\r\n",
      "HTTP/1.1 200 O\0K\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
      `HTTP/1.1 200 ${"x".repeat(5000)}\r\n\r\n`,
      `HTTP/1.1 200 OK\r\nX: ${"x".repeat(9000)}\r\n\r\n`,
      `HTTP/1.1 200 OK\r\n${"x:\r\n".repeat(1001)}\r\n`,
    ];
    for (const text of bad) {
      answers(text);
      const error = await errorOf(exchange(get()));
      expect([text, error.code]).toEqual([text, "WEFT_PROTOCOL_RESPONSE"]);
      expect(error.message).toContain(`127.0.0.1:${backend.port} answered with a bad response: `);
      expect(pool.size).toBe(0);
      await closed();
    }
  });

  it("A58: more than twenty interim responses are an error; twenty are read over", async () => {
    const hint = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    answers(hint.repeat(20) + okText);
    expect(await exchange(get())).toEqual({ status: 200, text: "ok" });
    expect(pool.cached).toBe(1);
    answers(hint.repeat(21) + okText);
    expect(await errorOf(exchange(get()))).toMatchObject({ code: "WEFT_PROTOCOL_RESPONSE" });
    await closed();
  });

  it("A60, F8: a body that is broken off is an error, never a clean end", async () => {
    for (const text of [
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
    ]) {
      backend.onRequest = (connection) => {
        connection.send(text);
        connection.end();
      };
      const sink = RecordingSink.of((await dispatchHttp(pool, get())).body);
      await sink.done;
      expect([sink.text(), sink.ended, sink.late]).toEqual(["half", false, []]);
      expect(sink.error).toMatchObject({ code: "WEFT_CONNECTION_LOST" });
      expect(sink.error?.message).toContain("4");
      expect(pool.size).toBe(0);
      await closed();
    }
  });

  it("F9: a reset within a body is an error, even where the end of the connection would have been the end", async () => {
    for (const head of ["Content-Length: 10\r\n", "Transfer-Encoding: chunked\r\n", ""]) {
      backend.onRequest = (connection) => connection.send(`HTTP/1.1 200 OK\r\n${head}\r\n4\r\n`);
      const sink = RecordingSink.of((await dispatchHttp(pool, get())).body);
      await settle();
      backend.connections.at(-1)?.reset();
      await sink.done;
      expect(sink.ended).toBe(false);
      expect(sink.error).toMatchObject({ code: "WEFT_CONNECTION_LOST" });
      expect(pool.size).toBe(0);
    }
  });

  it("A58: a chunk that is no chunk fails the body and drops the connection", async () => {
    answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalfX\r\n");
    const sink = RecordingSink.of((await dispatchHttp(pool, get())).body);
    await sink.done;
    expect([sink.text(), sink.ended]).toEqual(["half", false]);
    expect(sink.error).toMatchObject({ code: "WEFT_PROTOCOL_FRAMING" });
    expect(pool.size).toBe(0);
    await closed();
  });

  it("F10: a reset before the response is no retry for a POST, whose fate nobody knows", async () => {
    answers(okText);
    await exchange(get());
    backend.onRequest = (connection) => connection.reset();
    const error = await errorOf(exchange(request("POST", "/", bytesBody(Buffer.from("x")))));
    expect(error).toMatchObject({ code: "WEFT_CONNECTION_LOST", flags: [] });
    expect(backend.connections).toHaveLength(1);
  });

  it("F11: a backend that never answers is given up as soon as the call is cancelled", async () => {
    const ctx = new Ctx();
    const call = errorOf(dispatchHttp(pool, get(), ctx));
    await eventually("the request is there", () => backend.connections[0]?.heads === 1);
    const reason = new CancelledError("too late");
    ctx.cancel(reason);
    expect(await Promise.race([call, settle().then(() => "not at once")])).toBe(reason);
    expect(pool.size).toBe(0);
    // Its connection was made long before.
    expect(stats.readCounter("cancelled_connects")).toBe(0);
    await closed();
  });
});

describe("a stale connection", () => {
  it("costs the caller nothing: an idempotent request is made again on a fresh one, once, and counted", async () => {
    answers(okText);
    await exchange(get());
    for (const how of ["reset", "end"] as const) {
      backend.onRequest = (connection, n) => {
        if (n > 0) connection[how]();
        else connection.send(okText);
      };
      for (const method of ["GET", "HEAD", "DELETE", "OPTIONS"]) {
        const before = backend.connections.length;
        expect((await exchange(request(method))).status).toBe(200);
        expect(backend.connections.length).toBe(before + 1);
        expect([pool.size, pool.cached]).toEqual([1, 1].map((n) => (method === "HEAD" ? n - 1 : n)));
        if (pool.cached === 0) await exchange(get());
      }
    }
    expect(stats.readCounter("pool_redials")).toBeGreaterThanOrEqual(8);
  });

  it("does not make a call again on a second one: that failure is the caller's", async () => {
    answers(okText);
    await exchange(get());
    backend.onRequest = (connection) => connection.end();
    const error = await errorOf(exchange(get()));
    expect(error).toMatchObject({ code: "WEFT_CONNECTION_LOST" });
    expect(backend.connections).toHaveLength(2);
    expect(stats.readCounter("pool_redials")).toBe(1);
  });

  it("does not repeat a request whose body was begun, nor one whose answer was", async () => {
    answers(okText);
    await exchange(get());
    backend.onRequest = (connection) => connection.end();
    await errorOf(exchange(request("PUT", "/", textBody("x"))));
    expect(backend.connections).toHaveLength(1);
    answers(okText);
    await exchange(get());
    backend.onRequest = (connection) => {
      connection.send("HTTP/1.1 2");
      connection.end();
    };
    expect((await errorOf(exchange(get()))).message).toContain("within the head of its response");
    expect(stats.readCounter("pool_redials")).toBe(0);
  });

  it("is dropped from the pool as soon as its peer closes it", async () => {
    answers(okText);
    await exchange(get());
    expect(pool.cached).toBe(1);
    backend.connections[0]?.end();
    await eventually("the pool has noticed", () => pool.size === 0);
    await eventually("it is counted", () => stats.readCounter("closes") === 1);
  });

  it("fails as the caller cancels it, though it is being made again", async () => {
    answers(okText);
    await exchange(get());
    backend.onRequest = (connection, n) => {
      if (n > 0) connection.end();
    };
    const ctx = new Ctx();
    const call = errorOf(dispatchHttp(pool, get(), ctx));
    await eventually("the second connection has it", () => backend.connections[1]?.heads === 1);
    const reason = new CancelledError("enough");
    ctx.cancel(reason);
    expect(await call).toBe(reason);
    await eventually("nothing is open", () => backend.open === 0);
  });
});

describe("the connector", () => {
  it("says which endpoint refused, and that nothing was sent", async () => {
    const gone = await RawBackend.start();
    const { port } = gone;
    await gone.close();
    const refused = newPool(port);
    const error = await errorOf(exchange(get(), refused));
    expect(error).toMatchObject({ code: "WEFT_CONNECT_REFUSED", host: "127.0.0.1", port, flags: ["retryable"] });
    expect(stats.readStat("failed_connect_latency_ms")).toHaveLength(1);
    await refused.close();
  });

  it("counts what its connections did", async () => {
    answers(okText);
    for (let i = 0; i < 3; i++) await exchange(get());
    expect(stats.readGauge("connections")).toBe(1);
    await pool.close();
    await eventually("the connection is closed", () => stats.readCounter("closes") === 1);
    const sent = Buffer.byteLength("GET / HTTP/1.1\r\nHost: web.example\r\n\r\n") * 3;
    expect(stats.readCounter("connects")).toBe(1);
    expect(stats.readCounter("received_bytes")).toBe(okText.length * 3);
    expect(stats.readCounter("sent_bytes")).toBe(sent);
    expect(stats.readStat("connection_requests")).toEqual([3]);
    expect(stats.readStat("connection_received_bytes")).toEqual([okText.length * 3]);
    expect(stats.readStat("connection_sent_bytes")).toEqual([sent]);
    expect(stats.readStat("connection_duration")).toHaveLength(1);
    expect(stats.readStat("connect_latency_ms")).toHaveLength(1);
    expect(stats.readGauge("connections")).toBeUndefined();
  });
});
