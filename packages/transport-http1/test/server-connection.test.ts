import { type Ctx, type Outcome, ok, service, type WeftError } from "@weftmesh/core";
import { discard, Full, Headers, type HttpRequest, HttpResponse, textBody } from "@weftmesh/http";
import { ManualClock, PushBody, RecordingSink, settle, testError } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { defaultServerLimits } from "../src/server-settings.ts";
import { type MemoryServer, memoryServer } from "./memory-server.ts";

const host = "Host: web.example\r\n";
const get = `GET /p HTTP/1.1\r\n${host}\r\n`;

interface Seen {
  readonly req: HttpRequest;
  readonly ctx: Ctx;
  readonly ends: Outcome[];
  answer(rep: HttpResponse): void;
  reject(error: Error): void;
}

/** A connection whose service answers when the test says so. */
function byHand(
  settings: Parameters<typeof memoryServer>[2] = {},
): MemoryServer & { seen: Seen[]; clock: ManualClock } {
  const seen: Seen[] = [];
  const clock = new ManualClock();
  const server = memoryServer(
    service(
      (req: HttpRequest, ctx: Ctx) =>
        new Promise<HttpResponse>((answer, reject) => {
          const ends: Outcome[] = [];
          ctx.observe({ onEnd: (_ctx, outcome) => ends.push(outcome) });
          seen.push({ req, ctx, ends, answer, reject });
        }),
    ),
    clock,
    settings,
  );
  return Object.assign(server, { seen, clock });
}

/** A connection whose service answers everything with the same. */
function answering(make: (req: HttpRequest) => HttpResponse): MemoryServer {
  return memoryServer(
    service((req: HttpRequest) => Promise.resolve(make(req))),
    new ManualClock(),
  );
}

async function written(make: (req: HttpRequest) => HttpResponse, request = get): Promise<string> {
  const { wire } = answering(make);
  wire.feed(request);
  await settle();
  return wire.written;
}

function pushed(...chunks: string[]): PushBody {
  const body = new PushBody();
  for (const chunk of chunks) body.push(Buffer.from(chunk));
  body.end();
  return body;
}

describe("framing a response", () => {
  it("writes a head and a small body at once", async () => {
    const { wire } = answering(() => new HttpResponse(200, Headers.of("X-A", "b"), textBody("hello")));
    wire.feed(get);
    await settle();
    expect(wire.writes).toEqual(["HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello"]);
    expect(wire.ended).toBe(false);
  });

  it("writes a head, small chunks and the last one at once where they come together", async () => {
    const { wire } = answering(() => new HttpResponse(200, new Headers(), pushed("one", "", "three")));
    wire.feed(get);
    await settle();
    expect(wire.writes).toEqual([
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\n",
    ]);
  });

  it("writes a head that has to wait for its body at once", async () => {
    const { wire, seen } = byHand();
    wire.feed(get);
    const body = new PushBody();
    seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    expect(wire.writes).toEqual(["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]);
    body.push(Buffer.from("ab"));
    expect(wire.writes[1]).toBe("2\r\nab\r\n");
    body.end(Headers.of("X-Sum", "1", "Content-Length", "9"));
    expect(wire.writes[2]).toBe("0\r\nX-Sum: 1\r\n\r\n");
  });

  it.each([
    ["a length that is right", Headers.of("Content-Length", "2"), "Content-Length: 2\r\n"],
    ["a length that is wrong", Headers.of("Content-Length", "3"), "Content-Length: 2\r\n"],
    ["a length in another form", Headers.of("Content-Length", "02"), "Content-Length: 2\r\n"],
    ["two lengths", Headers.of("Content-Length", "2", "Content-Length", "2"), "Content-Length: 2\r\n"],
    ["a transfer coding", Headers.of("Transfer-Encoding", "chunked"), "Content-Length: 2\r\n"],
    ["connection options", Headers.of("Connection", "keep-alive, x"), "Content-Length: 2\r\n"],
    ["the wish to close", Headers.of("Connection", "x, Close"), "Content-Length: 2\r\nConnection: close\r\n"],
  ])("A59: leaves exactly one framing of a response with %s", async (_what, headers, lines) => {
    expect(await written(() => new HttpResponse(200, headers, textBody("ab")))).toBe(
      `HTTP/1.1 200 OK\r\n${lines}\r\nab`,
    );
  });

  it("drops a length that a chunked response has in its headers", async () => {
    expect(await written(() => new HttpResponse(200, Headers.of("Content-Length", "2"), pushed("ab")))).toBe(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    );
  });

  it("ends a response of unknown length to HTTP/1.0 with the connection", async () => {
    const { wire } = answering(() => new HttpResponse(200, new Headers(), pushed("ab")));
    wire.feed(`GET /p HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
    await settle();
    expect(wire.written).toBe("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab");
    expect(wire.ended).toBe(true);
  });

  it("keeps a connection of HTTP/1.0 where that is asked for and the length is known", async () => {
    const { wire } = answering(() => new HttpResponse(200, new Headers(), textBody("ab")));
    wire.feed(`GET /p HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
    await settle();
    expect(wire.written).toBe("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nab");
    expect(wire.ended).toBe(false);
    wire.feed("GET /p HTTP/1.0\r\n\r\n");
    await settle();
    expect(wire.ended).toBe(true);
  });

  it("A57: sends no body to HEAD, nor with 204 and 304, and lets go of it", async () => {
    const body = new PushBody(5);
    expect(await written(() => new HttpResponse(200, new Headers(), body), `HEAD /p HTTP/1.1\r\n${host}\r\n`)).toBe(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    );
    expect(body.stopped).toBeInstanceOf(Error);
    const length = (): Headers => Headers.of("Content-Length", "5");
    expect(await written(() => new HttpResponse(204, length(), new PushBody(5)))).toBe(
      "HTTP/1.1 204 No Content\r\n\r\n",
    );
    expect(await written(() => new HttpResponse(304, length(), textBody("abcde")))).toBe(
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    );
    expect(await written(() => new HttpResponse(304))).toBe("HTTP/1.1 304 Not Modified\r\n\r\n");
    expect(await written(() => new HttpResponse(204, new Headers(), pushed("ab")))).toBe(
      "HTTP/1.1 204 No Content\r\n\r\n",
    );
  });

  it.each([0, 99, 100, 101, 199, 1_000, 200.5, Number.NaN])("A59: answers a status of %s with 502", async (status) => {
    expect(await written(() => new HttpResponse(status))).toBe(
      "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
  });

  it("A59: has no way to write a header with a line end", () => {
    for (const value of ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b"]) {
      expect(() => Headers.of("Location", value)).toThrow(expect.objectContaining({ code: "WEFT_PROTOCOL_HEADER" }));
      expect(() => Headers.of(value, "x")).toThrow(expect.objectContaining({ code: "WEFT_PROTOCOL_HEADER" }));
    }
  });
});

describe("the end of an exchange", () => {
  it("ends the ctx with the body, not with the head", async () => {
    const { wire, seen } = byHand();
    wire.feed(get);
    const body = new PushBody(4);
    seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    body.push(Buffer.from("ab"));
    expect(seen[0]?.ends).toEqual([]);
    body.push(Buffer.from("cd"));
    body.end();
    expect(seen[0]?.ends).toEqual([ok]);
  });

  it.each([
    ["a length", 4, "Content-Length: 4\r\n"],
    ["chunks", undefined, "Transfer-Encoding: chunked\r\n"],
  ])("A60: cuts the connection where a body with %s breaks off", async (_what, length, lines) => {
    const { wire, seen } = byHand();
    wire.feed(get);
    const body = new PushBody(length);
    seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    body.push(Buffer.from("ab"));
    body.fail(testError("the backend is gone"));
    await settle();
    expect(wire.written).toBe(`HTTP/1.1 200 OK\r\n${lines}\r\n${length === undefined ? "2\r\nab\r\n" : "ab"}`);
    expect(wire.destroyed).toBe(true);
    expect(wire.ended).toBe(false);
    expect(seen[0]?.ends).toMatchObject([{ kind: "failed", error: { message: "the backend is gone" } }]);
  });

  it("A60: resets the connection where a body breaks off that its end would end", async () => {
    const { wire, seen } = byHand();
    wire.feed("GET /p HTTP/1.0\r\n\r\n");
    const body = new PushBody();
    seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    body.push(Buffer.from("ab"));
    body.fail(testError("the backend is gone"));
    expect(wire.wasReset).toBe(true);
  });

  it("A60: cuts the connection where a body ends before its length", async () => {
    const { wire, seen } = byHand();
    wire.feed(get);
    const body = new PushBody(4);
    seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    body.push(Buffer.from("ab"));
    body.end();
    expect(wire.destroyed).toBe(true);
    expect(seen[0]?.ends).toMatchObject([{ kind: "failed", error: { code: "WEFT_PROTOCOL_TRUNCATED" } }]);
  });

  it("never writes more of a body than its length", async () => {
    const { wire, seen } = byHand();
    wire.feed(get);
    const body = new PushBody(4);
    seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    body.push(Buffer.from("ab"));
    body.push(Buffer.from("cdHTTP/1.1 200 OK\r\n"));
    expect(wire.written.endsWith("\r\n\r\nab")).toBe(true);
    expect(wire.destroyed).toBe(true);
    expect(body.stopped).toBeInstanceOf(Error);
  });

  it("answers 502 where the body breaks off before anything was written", async () => {
    const { wire, seen } = byHand();
    wire.feed(get);
    const body = new PushBody(4);
    body.fail(testError("the backend is gone"));
    seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    expect(wire.written).toBe("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    expect(seen[0]?.ends).toMatchObject([{ kind: "failed" }]);
  });

  it("stops a body that is too long within its pipe", async () => {
    const { wire, seen } = byHand();
    wire.feed(get);
    const body = new PushBody(1);
    body.push(Buffer.from("ab"));
    seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    expect(wire.written).toContain("502 Bad Gateway");
    expect(body.stopped).toBeInstanceOf(Error);
  });

  it.each(["rejects", "throws"])("answers 502 and closes where the service %s", async (how) => {
    const error = testError("not today");
    const { wire } = memoryServer(
      service(() => {
        if (how === "throws") throw error;
        return Promise.reject(error);
      }),
      new ManualClock(),
    );
    wire.feed(get);
    await settle();
    expect(wire.written).toBe("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    expect(wire.ended).toBe(true);
  });

  it("writes what the responder makes of a failure, keeps the connection, and ends the ctx as failed", async () => {
    const error = testError("not today");
    const server = byHand({
      respond: (failure, req) => new HttpResponse(503, new Headers(), textBody(`${req.path}: ${failure.message}`)),
    });
    server.wire.feed(get);
    server.seen[0]?.reject(error);
    await settle();
    expect(server.wire.written).toBe("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 13\r\n\r\n/p: not today");
    expect(server.wire.ended).toBe(false);
    expect(server.seen[0]?.ends).toEqual([{ kind: "failed", error }]);
    server.wire.feed(get);
    server.seen[1]?.answer(new HttpResponse(204));
    await settle();
    expect(server.seen[1]?.ends).toEqual([ok]);
  });

  it("answers 502 where the responder throws as well", async () => {
    const server = byHand({
      respond: () => {
        throw testError("nor this");
      },
    });
    server.wire.feed(get);
    server.seen[0]?.reject(testError("not today"));
    await settle();
    expect(server.wire.written).toContain("502 Bad Gateway");
    expect(server.wire.ended).toBe(true);
  });

  it("I11: an observer or a sink that throws costs its own request alone", async () => {
    const observed = byHand();
    observed.wire.feed(get);
    observed.seen[0]?.ctx.observe({
      onResponse: () => {
        throw testError("a bad observer");
      },
      onEnd: () => {},
    });
    observed.seen[0]?.answer(new HttpResponse(200));
    await settle();
    expect(observed.wire.written).toBe("");
    expect(observed.wire.destroyed).toBe(true);
    expect(observed.seen[0]?.ends).toMatchObject([{ kind: "failed", error: { message: "a bad observer" } }]);

    const sunk = byHand();
    sunk.wire.feed(`POST /p HTTP/1.1\r\n${host}Content-Length: 9\r\n\r\n`);
    (sunk.seen[0] as Seen).req.body.pipe({
      ...discard,
      onData: () => {
        throw testError("a bad sink");
      },
    });
    sunk.wire.feed("abc");
    await settle();
    expect(sunk.wire.destroyed).toBe(true);
    expect(sunk.seen[0]?.ends).toMatchObject([{ kind: "failed", error: { message: "a bad sink" } }]);
  });

  it("cancels the call of a client that leaves, at once, and writes nothing", async () => {
    const { wire, seen, connection } = byHand();
    wire.feed(`POST /p HTTP/1.1\r\n${host}Content-Length: 9\r\n\r\nabc`);
    const call = seen[0] as Seen;
    const sink = RecordingSink.of(call.req.body);
    wire.cut(new Error("reset"));
    expect(call.ctx.cancelled).toMatchObject({ code: "WEFT_CANCELLED" });
    expect(call.ends).toMatchObject([{ kind: "failed", error: { code: "WEFT_CANCELLED" } }]);
    expect(sink.error).toMatchObject({ code: "WEFT_CANCELLED" });
    const late = new PushBody();
    call.answer(new HttpResponse(200, new Headers(), late));
    await settle();
    expect(late.stopped).toBeInstanceOf(Error);
    expect(wire.written).toBe("");
    expect(connection.phase).toBe(4);
  });

  it("stops the response of a client that leaves", async () => {
    const { wire, seen } = byHand();
    wire.feed(get);
    const body = new PushBody();
    seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    wire.cut();
    expect(body.stopped).toMatchObject({ code: "WEFT_CANCELLED" });
    expect(seen[0]?.ends).toHaveLength(1);
  });

  it("fails the body of a request whose client leaves within it", async () => {
    const { wire, seen } = byHand();
    wire.feed(`POST /p HTTP/1.1\r\n${host}Content-Length: 9\r\n\r\nabc`);
    const sink = RecordingSink.of((seen[0] as Seen).req.body);
    wire.feedEof();
    await settle();
    expect(sink.text()).toBe("abc");
    expect(sink.ended).toBe(false);
    expect(sink.error).toBeInstanceOf(Error);
    expect(seen[0]?.ctx.cancelled).toBeInstanceOf(Error);
    expect(wire.destroyed).toBe(true);
    expect(wire.written).toBe("");
  });
});

describe("requests one behind the other", () => {
  it("A51: answers in order, one at a time", async () => {
    const { wire, seen } = byHand();
    wire.feed(`GET /1 HTTP/1.1\r\n${host}\r\nGET /2 HTTP/1.1\r\n${host}\r\n`);
    await settle();
    expect(seen.map(({ req }) => req.path)).toEqual(["/1"]);
    seen[0]?.answer(new HttpResponse(200, new Headers(), textBody("1")));
    await settle();
    expect(seen.map(({ req }) => req.path)).toEqual(["/1", "/2"]);
    seen[1]?.answer(new HttpResponse(404));
    await settle();
    expect(wire.written).toBe(
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    );
  });

  it("A52: answers exactly the request that closes", async () => {
    const { wire, seen } = byHand();
    wire.feed(`GET /1 HTTP/1.1\r\n${host}Connection: close\r\n\r\nGET /2 HTTP/1.1\r\n${host}\r\n`);
    seen[0]?.answer(new HttpResponse(200));
    await settle();
    wire.feed(get);
    await settle();
    expect(seen).toHaveLength(1);
    expect(wire.written).toBe("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    expect(wire.ended).toBe(true);
  });

  it("F19: holds a bounded part of 10,000 requests that are sent at once, and answers them all", async () => {
    const { wire, seen } = byHand();
    const one = `GET /p HTTP/1.1\r\n${host}\r\n`;
    wire.feed(one.repeat(10_000));
    await settle();
    expect(wire.paused).toBe(true);
    expect(wire.received).toBeLessThan(70_000);
    for (let i = 0; i < 10_000; i++) {
      expect(seen).toHaveLength(i + 1);
      seen[i]?.answer(new HttpResponse(204));
      await settle();
      if (i === 100) expect(wire.received).toBeLessThan(140_000);
    }
    expect(wire.written).toBe("HTTP/1.1 204 No Content\r\n\r\n".repeat(10_000));
  });

  it("F3: reads no further request of a client that does not take its answers", async () => {
    const { wire, seen } = byHand();
    wire.full = true;
    wire.feed(get + get);
    await settle();
    expect(seen).toHaveLength(0);
    wire.writable();
    await settle();
    expect(seen).toHaveLength(1);
  });

  it("serves what was sent before the client closed its half, and closes behind it", async () => {
    const { wire, seen } = byHand();
    wire.feed(get + get);
    wire.feedEof();
    seen[0]?.answer(new HttpResponse(204));
    await settle();
    expect(wire.ended).toBe(false);
    seen[1]?.answer(new HttpResponse(204));
    await settle();
    expect(wire.written).toBe("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    expect(wire.ended).toBe(true);
  });
});

describe("a client that closed its half", () => {
  it("within its next request, has its answer to the one before and no more", async () => {
    const { wire, seen } = byHand();
    wire.feed(`${get}GET /half`);
    wire.feedEof();
    seen[0]?.answer(new HttpResponse(204));
    await settle();
    expect(seen).toHaveLength(1);
    expect(wire.written.startsWith("HTTP/1.1 204 No Content\r\n")).toBe(true);
    expect(wire.ended).toBe(true);
  });
});

describe("request bodies", () => {
  const post = (lines: string, body: string): string => `POST /p HTTP/1.1\r\n${host}${lines}\r\n${body}`;

  it("keeps a body that nobody has piped yet, and reads no more of it", async () => {
    const { wire, seen } = byHand();
    wire.feed(post("Content-Length: 6\r\n", "abc"));
    expect(wire.paused).toBe(true);
    wire.feed("def");
    await settle();
    const sink = RecordingSink.of((seen[0] as Seen).req.body);
    await sink.done;
    expect(sink.text()).toBe("abcdef");
    expect(sink.ended).toBe(true);
  });

  it("F4: reads no more while the sink is full, and goes on when it is not", async () => {
    const { wire, seen } = byHand();
    wire.feed(post("Content-Length: 9\r\n", "abc"));
    const sink = RecordingSink.of((seen[0] as Seen).req.body, Full);
    wire.feed("def");
    wire.feed("ghi");
    await settle();
    expect(wire.paused).toBe(true);
    expect(sink.text()).toBe("abc");
    sink.resume();
    await settle();
    expect(sink.text()).toBe("abcdefghi");
    expect(sink.ended).toBe(true);
  });

  it("A36: gives no trailer that frames or routes to the service", async () => {
    const { wire, seen } = byHand();
    wire.feed(
      post(
        "Transfer-Encoding: chunked\r\n",
        "0\r\nContent-Length: 1\r\nHost: x\r\nTransfer-Encoding: x\r\nL5D-ctx-dtab: /a=>/b\r\nAuthorization: x\r\nx-sum: 1\r\n\r\n",
      ),
    );
    const { req } = seen[0] as Seen;
    const sink = RecordingSink.of(req.body);
    await sink.done;
    expect(sink.trailers?.toFlat()).toEqual(["x-sum", "1"]);
    expect(req.headers.has("x-sum")).toBe(false);
    expect(req.headers.has("content-length")).toBe(false);
  });

  it("keeps the length of a body in the headers, and takes a transfer coding out", async () => {
    const { wire, seen } = byHand();
    wire.feed(post("Content-Length: 3\r\n", "abc"));
    expect((seen[0] as Seen).req.headers.get("content-length")).toBe("3");
    const other = byHand();
    other.wire.feed(post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"));
    expect(other.seen[0]?.req.headers.toFlat()).toEqual(["Host", "web.example"]);
    expect(other.seen[0]?.req.body.length).toBeUndefined();
  });

  it("A56: gives leave to send the body when somebody pipes it", async () => {
    const { wire, seen } = byHand();
    wire.feed(post("Expect: 100-continue\r\nContent-Length: 3\r\n", ""));
    await settle();
    expect(wire.written).toBe("");
    expect(seen[0]?.req.headers.get("expect")).toBe("100-continue");
    const sink = RecordingSink.of((seen[0] as Seen).req.body);
    expect(wire.written).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    wire.feed("abc");
    await sink.done;
    seen[0]?.answer(new HttpResponse(204));
    await settle();
    expect(wire.written).toBe("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    expect(wire.ended).toBe(false);
  });

  it("A56: closes behind an answer that comes before leave to send the body", async () => {
    const { wire, seen } = byHand();
    wire.feed(post("Expect: 100-continue\r\nContent-Length: 3\r\n", ""));
    seen[0]?.answer(new HttpResponse(403));
    await settle();
    expect(wire.written).toBe("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    expect(wire.ended).toBe(true);
    expect(seen[0]?.ends).toEqual([ok]);
  });

  it("A56: expects nothing of HTTP/1.0", async () => {
    const { wire, seen } = byHand();
    wire.feed("POST /p HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    RecordingSink.of((seen[0] as Seen).req.body);
    await settle();
    expect(wire.written).toBe("");
  });

  it("takes the rest of a body behind an early answer, and goes on with the next request", async () => {
    const { wire, seen } = byHand();
    wire.feed(post("Content-Length: 6\r\n", "abc"));
    seen[0]?.answer(new HttpResponse(413));
    await settle();
    expect(seen[0]?.ends).toEqual([ok]);
    wire.feed(`def${get}`);
    await settle();
    expect(seen).toHaveLength(2);
  });

  it("gives up a connection on which too much comes behind an early answer", async () => {
    const { wire, seen } = byHand();
    wire.feed(post("Content-Length: 10000000\r\n", "abc"));
    seen[0]?.answer(new HttpResponse(413));
    await settle();
    for (let i = 0; i < 8; i++) wire.feed(Buffer.alloc(65_536));
    await settle();
    expect(wire.ended).toBe(true);
    for (let i = 0; i < 8; i++) wire.feed(Buffer.alloc(65_536));
    await settle();
    expect(wire.destroyed).toBe(true);
    expect(wire.received).toBeLessThan(1_000_000);
  });

  it("gives up a connection that stays within an early answered request for too long", async () => {
    const { wire, seen, clock, connection } = byHand();
    wire.feed(post("Content-Length: 6\r\n", "abc"));
    seen[0]?.answer(new HttpResponse(413));
    await settle();
    for (let i = 0; i < 4; i++) {
      connection.check(clock.now());
      await clock.advance(1_000);
    }
    expect(wire.ended).toBe(true);
  });

  it("reads on for a service that stopped the body, as far as the limit, and closes behind the answer", async () => {
    const { wire, seen } = byHand();
    wire.feed(post("Content-Length: 10000000\r\n", "abc"));
    const { req } = seen[0] as Seen;
    req.body.pipe(discard).stop(testError("enough"));
    for (let i = 0; i < 20; i++) wire.feed(Buffer.alloc(65_536));
    await settle();
    expect(wire.paused).toBe(true);
    expect(wire.received).toBeLessThan(400_000);
    seen[0]?.answer(new HttpResponse(413));
    await settle();
    expect(wire.written).toContain("Connection: close");
    expect(wire.ended).toBe(true);
  });

  it("answers 400 where a body breaks the rules before its answer, and cuts the connection after", async () => {
    const { wire, seen } = byHand();
    wire.feed(post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"));
    const sink = RecordingSink.of((seen[0] as Seen).req.body);
    wire.feed("x");
    await settle();
    expect(sink.text()).toBe("abc");
    expect(sink.error).toMatchObject({ code: "WEFT_PROTOCOL_FRAMING" });
    expect(wire.written).toContain("400 Bad Request");
    expect(seen[0]?.ctx.cancelled).toBe(sink.error);

    const other = byHand();
    other.wire.feed(post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"));
    RecordingSink.of((other.seen[0] as Seen).req.body);
    const body = new PushBody();
    other.seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    other.wire.feed("x");
    await settle();
    expect(other.wire.destroyed).toBe(true);
    expect(other.wire.written).not.toContain("400");
    expect(body.stopped).toBeInstanceOf(Error);
    expect(other.seen[0]?.ends).toHaveLength(1);
  });

  it("F3: tells the source of a response to pause, and to go on", async () => {
    const { wire, seen } = byHand();
    wire.feed(get);
    const body = new PushBody();
    seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    wire.full = true;
    body.push(Buffer.from("ab"));
    expect(body.full).toBe(true);
    wire.writable();
    expect(body.full).toBe(false);
  });
});

describe("time", () => {
  /** As a server checks: every second. */
  async function pass(server: ReturnType<typeof byHand>, seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      server.connection.check(server.clock.now());
      await server.clock.advance(1_000);
    }
    server.connection.check(server.clock.now());
    await settle();
  }

  it("F1: gives a head 10 s in all, however it drips, and closes within 12 s", async () => {
    const server = byHand();
    await pass(server, 60);
    expect(server.wire.ended).toBe(false);
    server.wire.feed("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    let seconds = 0;
    for (; !server.wire.ended; seconds++) {
      await pass(server, 1);
      server.wire.feed("y");
      if (seconds > 100) break;
    }
    expect(seconds).toBeGreaterThanOrEqual(10);
    expect(seconds).toBeLessThanOrEqual(12);
    expect(server.seen).toHaveLength(0);
  });

  it("F1: answers a head that is late with 408", async () => {
    const server = byHand();
    server.wire.feed("GET /p HTTP/1.1\r\nHost: a\r\nX");
    await pass(server, 9);
    expect(server.wire.written).toBe("");
    await pass(server, 3);
    expect(server.wire.written).toBe("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });

  it("F2: ends a request whose body drips, with 408 and within 30 s", async () => {
    const server = byHand();
    server.wire.feed(`POST /p HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\n`);
    const sink = RecordingSink.of((server.seen[0] as Seen).req.body);
    let seconds = 0;
    for (; !server.wire.ended && seconds < 100; seconds++) {
      server.wire.feed("x");
      await pass(server, 1);
    }
    expect(seconds).toBeGreaterThanOrEqual(20);
    expect(seconds).toBeLessThanOrEqual(30);
    expect(server.wire.written).toContain("408 Request Timeout");
    expect(sink.error).toMatchObject({ code: "WEFT_PROTOCOL_TOO_SLOW" });
    expect(server.seen[0]?.ctx.cancelled).toBe(sink.error);
  });

  it("F2: lets a body take its time that is fast enough, that nobody takes, or that is being answered", async () => {
    const fast = byHand();
    fast.wire.feed(`POST /p HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\n`);
    RecordingSink.of((fast.seen[0] as Seen).req.body);
    for (let i = 0; i < 90; i++) {
      fast.wire.feed("x".repeat(60));
      await pass(fast, 1);
    }
    expect(fast.wire.written).toBe("");

    const untaken = byHand();
    untaken.wire.feed(`POST /p HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\nabc`);
    await pass(untaken, 90);
    const sink = RecordingSink.of((untaken.seen[0] as Seen).req.body, Full);
    await pass(untaken, 90);
    expect(untaken.wire.written).toBe("");
    expect(sink.error).toBeUndefined();

    const answered = byHand();
    answered.wire.feed(`POST /p HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\nabc`);
    RecordingSink.of((answered.seen[0] as Seen).req.body);
    answered.seen[0]?.answer(new HttpResponse(200, new Headers(), new PushBody()));
    await pass(answered, 90);
    expect(answered.wire.ended).toBe(false);
  });

  it("closes a connection that is idle for too long, and counts none of a request's time", async () => {
    const server = byHand({ idleTimeMs: 5_000 });
    server.wire.feed(get);
    await pass(server, 30);
    expect(server.wire.ended).toBe(false);
    server.seen[0]?.answer(new HttpResponse(204));
    await pass(server, 4);
    expect(server.wire.ended).toBe(false);
    await pass(server, 3);
    expect(server.wire.ended).toBe(true);
  });

  it("closes a connection past its life time: between requests at once, else behind the response", async () => {
    const idle = byHand({ lifeTimeMs: 5_000 });
    await pass(idle, 6);
    expect(idle.wire.ended).toBe(true);
    const busy = byHand({ lifeTimeMs: 5_000 });
    busy.wire.feed(get);
    await pass(busy, 10);
    expect(busy.wire.ended).toBe(false);
    busy.seen[0]?.answer(new HttpResponse(204));
    await settle();
    expect(busy.wire.written).toContain("Connection: close");
    expect(busy.wire.ended).toBe(true);
  });

  it("cuts off a client that sends nothing for the read timeout while it is waited for", async () => {
    const server = byHand({ readTimeoutMs: 5_000 });
    server.wire.feed(get);
    await pass(server, 30);
    expect(server.wire.destroyed).toBe(false);
    server.seen[0]?.answer(new HttpResponse(204));
    await pass(server, 8);
    expect(server.wire.destroyed).toBe(true);
  });

  it("F3: cuts off a client that takes nothing for the write timeout", async () => {
    const server = byHand({ writeTimeoutMs: 5_000 });
    server.wire.feed(get);
    const body = new PushBody();
    server.seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    server.wire.full = true;
    body.push(Buffer.from("ab"));
    await pass(server, 4);
    expect(server.wire.destroyed).toBe(false);
    await pass(server, 3);
    expect(server.wire.destroyed).toBe(true);
    expect(body.stopped).toMatchObject({ code: "WEFT_CANCELLED" });
  });

  it("F3: leaves a client alone that takes something, however slowly", async () => {
    const server = byHand({ writeTimeoutMs: 5_000 });
    server.wire.feed(get);
    const body = new PushBody();
    server.seen[0]?.answer(new HttpResponse(200, new Headers(), body));
    await settle();
    server.wire.full = true;
    body.push(Buffer.alloc(1_000));
    for (let i = 0; i < 30; i++) {
      await pass(server, 1);
      server.wire.pending -= 10;
    }
    expect(server.wire.destroyed).toBe(false);
    await pass(server, 7);
    expect(server.wire.destroyed).toBe(true);
  });

  it("waits a while for the client to close behind the last response, and no longer", async () => {
    const server = byHand();
    server.wire.feed("nonsense\r\n\r\n");
    expect(server.wire.ended).toBe(true);
    await pass(server, 1);
    expect(server.wire.destroyed).toBe(false);
    await pass(server, 3);
    expect(server.wire.destroyed).toBe(true);
  });

  it("F7: asks a half-closed client whether it is there, without harm to its response", async () => {
    const { wire, seen, clock } = byHand();
    wire.feed(get);
    wire.feedEof();
    expect(wire.written).toBe("");
    await clock.advance(100);
    expect(wire.written).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    expect(wire.probes).toBe(1);
    seen[0]?.answer(new HttpResponse(200, new Headers(), textBody("all of it")));
    await settle();
    expect(wire.written.endsWith("Connection: close\r\n\r\nall of it")).toBe(true);
    expect(wire.ended).toBe(true);
    expect(seen[0]?.ends).toEqual([ok]);
  });

  it("F7: asks nothing where the answer is there in time", async () => {
    const { wire, seen, clock } = byHand();
    wire.feed(get);
    wire.feedEof();
    seen[0]?.answer(new HttpResponse(204));
    await clock.advance(100);
    expect(wire.written).toBe("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    expect(clock.armed).toBe(0);
  });
});

describe("draining", () => {
  it("closes an idle connection at once, and one in use behind its response", async () => {
    const idle = byHand();
    idle.draining = true;
    idle.connection.drainNow();
    expect(idle.wire.ended).toBe(true);
    const busy = byHand();
    busy.wire.feed(get + get);
    busy.draining = true;
    busy.connection.drainNow();
    expect(busy.wire.ended).toBe(false);
    busy.seen[0]?.answer(new HttpResponse(200, new Headers(), textBody("whole")));
    await settle();
    expect(busy.wire.written).toBe("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwhole");
    expect(busy.wire.ended).toBe(true);
    expect(busy.seen).toHaveLength(1);
  });
});

describe("limits", () => {
  it("may be set", async () => {
    const limits = { ...defaultServerLimits, maxInitialLineBytes: 20, maxHeaderBytes: 40, maxHeaderLines: 2 };
    for (const [request, status] of [
      [`GET /123456 HTTP/1.1\r\nHost: a\r\n\r\n`, 200],
      [`GET /1234567 HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
      [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(24)}\r\n\r\n`, 200],
      [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(25)}\r\n\r\n`, 431],
      [`GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY:\r\n\r\n`, 431],
    ] as const) {
      const { wire } = memoryServer(
        service(() => Promise.resolve(new HttpResponse(200))),
        new ManualClock(),
        { limits },
      );
      wire.feed(request);
      await settle();
      expect(wire.written.slice(9, 12), request).toBe(String(status));
    }
  });

  it("are errors with a stable code", async () => {
    const errors: string[] = [];
    const { wire, seen } = byHand();
    wire.feed(`POST /p HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`);
    (seen[0] as Seen).req.body.pipe({ ...discard, onError: (error) => errors.push((error as WeftError).code) });
    wire.feed("zz");
    await settle();
    expect(errors).toEqual(["WEFT_PROTOCOL_FRAMING"]);
  });
});
