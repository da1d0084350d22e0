import { CancelledError, Ctx } from "@weftmesh/core";
import { type Body, emptyBody, Headers, HttpRequest, textBody } from "@weftmesh/http";
import { ManualClock, PushBody, RecordingSink, settle } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { ErrorCode, Flag, FrameType } from "../src/frame-types.ts";
import { data, frame, goaway, reset, type SettingPairs, settings, uint32, windowUpdate } from "./frames.ts";
import { MemoryClient } from "./memory-client.ts";

function request(method = "GET", body: Body = emptyBody, headers = new Headers()): HttpRequest {
  return new HttpRequest("1.1", method, "http", "web.example", "/path", headers, body);
}

const ok = [[":status", "200"]] as const;

function begun(...first: SettingPairs): MemoryClient {
  return new MemoryClient(new ManualClock()).begin(...first);
}

describe("ClientSession", () => {
  it("sends a request without a body as one frame, and takes such a response as one that has none", async () => {
    const client = begun();
    const call = client.session.call(request(), new Ctx());
    client.wire.flush();
    const [head] = client.peer.of(FrameType.Headers);
    expect(head?.flags).toBe(Flag.EndHeaders | Flag.EndStream);
    expect(client.peer.decode(head as NonNullable<typeof head>)).toEqual([
      [":method", "GET"],
      [":scheme", "http"],
      [":authority", "web.example"],
      [":path", "/path"],
    ]);
    client.send(client.peer.headers(1, [...ok, ["grpc-status", "5"]]));
    const rep = await call;
    expect([rep.status, rep.version, rep.body, rep.headers.get("grpc-status")]).toEqual([200, "2", emptyBody, "5"]);
    expect(client.session.streams.size).toBe(0);
  });

  it("ends a body that is at hand with its last DATA frame", () => {
    const client = begun();
    void client.session.call(request("POST", textBody("content")), new Ctx());
    client.wire.flush();
    expect(client.peer.frames.filter(({ id }) => id === 1).map(({ type, flags }) => [type, flags])).toEqual([
      [FrameType.Headers, Flag.EndHeaders],
      [FrameType.Data, Flag.EndStream],
    ]);
  });

  it("B29: tells a response that is trailers only from one whose trailers stand behind content", async () => {
    const client = begun();
    const first = client.session.call(request(), new Ctx());
    const second = client.session.call(request(), new Ctx());
    client.send(
      client.peer.headers(1, [...ok, ["grpc-status", "12"]]),
      client.peer.headers(3, ok, false),
      data(3, "message"),
      client.peer.headers(3, [["grpc-status", "0"]]),
    );
    expect((await first).headers.get("grpc-status")).toBe("12");
    const sink = RecordingSink.of((await second).body);
    await sink.done;
    expect([sink.text(), sink.trailers?.get("grpc-status")]).toEqual(["message", "0"]);
  });

  it("B26: fails the calls that a GOAWAY leaves out as retryable at once, and lets the others end", async () => {
    const client = begun();
    const calls = [1, 3, 5].map(() => client.session.call(request("POST", textBody("x")), new Ctx()));
    const late = calls.slice(1).map((call) => call.catch((error: unknown) => error));
    client.send(client.peer.headers(1, ok, false), goaway(1, ErrorCode.NoError));
    for (const error of await Promise.all(late)) {
      expect(error).toMatchObject({ code: "WEFT_STREAM_RESET", refused: true, remote: true, flags: ["retryable"] });
    }
    expect(client.session.status).toBe("closed");
    await expect(client.session.call(request(), new Ctx())).rejects.toMatchObject({ flags: ["retryable"] });
    client.send(data(1, "the rest", true));
    const sink = RecordingSink.of((await (calls[0] as NonNullable<(typeof calls)[0]>)).body);
    await sink.done;
    expect(sink.text()).toBe("the rest");
    expect(client.wire.destroyed).toBe(true);
  });

  it("B26: a server that says so twice, with fewer streams the second time, is taken by its word", async () => {
    const client = begun();
    const calls = [1, 3].map(() => client.session.call(request(), new Ctx()));
    const second = calls[1]?.catch((error: unknown) => error);
    client.send(goaway(2 ** 31 - 1, ErrorCode.NoError));
    expect(client.session.streams.size).toBe(2);
    client.send(goaway(1, ErrorCode.NoError));
    expect(await second).toMatchObject({ refused: true });
    client.send(client.peer.headers(1, ok));
    expect((await (calls[0] as NonNullable<(typeof calls)[0]>)).status).toBe(200);
  });

  it("B27: is busy with as many calls as the server takes, and open again when one ends", async () => {
    const client = begun([3, 1]);
    let room = 0;
    client.session.owner = {
      redial: () => Promise.reject(new Error()),
      sessionClosed: () => {},
      sessionRoom: () => {
        room++;
      },
    };
    expect(client.session.status).toBe("open");
    const call = client.session.call(request(), new Ctx());
    expect(client.session.status).toBe("busy");
    await expect(client.session.call(request(), new Ctx())).rejects.toMatchObject({ flags: ["retryable"] });
    client.send(client.peer.headers(1, ok));
    await call;
    expect([client.session.status, room]).toEqual(["open", 1]);
  });

  it("B28: a server that shrinks the window in the midst of a body gets what fits, and the rest when it opens", () => {
    const client = begun([4, 10]);
    const body = new PushBody();
    void client.session.call(request("POST", body), new Ctx());
    body.push(Buffer.from("0123456789abcdefghij"));
    client.wire.flush();
    expect(client.peer.content(1).toString()).toBe("0123456789");
    expect(body.full).toBe(true);
    client.send(settings([4, 0]), windowUpdate(1, 12));
    expect(client.peer.content(1).toString()).toBe("0123456789ab");
    client.send(settings([4, 5]));
    expect(client.peer.content(1).toString()).toBe("0123456789abcdefg");
    client.send(windowUpdate(1, 100));
    body.end();
    client.wire.flush();
    expect(client.peer.content(1).toString()).toBe("0123456789abcdefghij");
    expect(client.peer.ended(1)).toBe(true);
  });

  it("B34: resets the stream at once when the call is cancelled, and takes what was on its way for nothing", async () => {
    const client = begun();
    const ctx = new Ctx();
    const call = client.session.call(request(), ctx);
    client.wire.flush();
    const reason = new CancelledError("enough");
    ctx.cancel(reason);
    await expect(call).rejects.toBe(reason);
    client.wire.flush();
    expect(client.peer.resetOf(1)).toBe("CANCEL");
    client.send(client.peer.headers(1, ok, false), data(1, "late"), windowUpdate(1, 5), reset(1, 8));
    expect(client.session.status).toBe("open");
    const next = client.session.call(request(), new Ctx());
    client.send(client.peer.headers(3, ok));
    expect((await next).status).toBe(200);
  });

  it("B34: fails a call whose stream the server resets, with its code, and a refused one as retryable", async () => {
    const client = begun();
    const calls = [1, 3].map(() => client.session.call(request(), new Ctx()).catch((error: unknown) => error));
    client.send(reset(1, ErrorCode.InternalError), reset(3, ErrorCode.RefusedStream));
    const [first, second] = await Promise.all(calls);
    expect(first).toMatchObject({ http2Code: ErrorCode.InternalError, refused: false, remote: true, flags: [] });
    expect(second).toMatchObject({
      http2Code: ErrorCode.RefusedStream,
      refused: true,
      flags: ["rejected", "retryable"],
    });
  });

  it("fails a body that the server breaks off, and never ends it cleanly", async () => {
    const client = begun();
    const call = client.session.call(request(), new Ctx());
    client.send(client.peer.headers(1, ok, false), data(1, "half"));
    const sink = RecordingSink.of((await call).body);
    client.send(reset(1, ErrorCode.InternalError));
    await sink.done;
    expect([sink.ended, sink.error]).toEqual([false, expect.objectContaining({ http2Code: 2 })]);
  });

  it("B25: ends the connection of a server that pushes", async () => {
    const client = begun();
    const call = client.session.call(request(), new Ctx()).catch((error: unknown) => error);
    client.send(frame(FrameType.PushPromise, Flag.EndHeaders, 1, Buffer.concat([uint32(2), client.peer.block(ok)])));
    expect(await call).toMatchObject({ code: "WEFT_PROTOCOL_RESPONSE" });
    expect(client.peer.wentAway).toBe("PROTOCOL_ERROR");
    expect(client.session.status).toBe("closed");
  });

  it("refuses what is no response, and leaves the other calls alone", async () => {
    const bad: readonly (readonly (readonly [string, string])[])[] = [
      [["x", "y"]],
      [...ok, ...ok],
      [[":status", "99"]],
      [[":status", "101"]],
      [...ok, [":path", "/"]],
      [...ok, ["content-length", "1"], ["content-length", "2"]],
      [...ok, ["connection", "close"]],
      [...ok, ["x", "a\r\nb"]],
      [...ok, ["content-length", "7"]],
    ];
    const client = begun();
    const other = client.session.call(request(), new Ctx());
    for (const [i, fields] of bad.entries()) {
      const call = client.session.call(request(), new Ctx()).catch((error: unknown) => error);
      const id = 2 * i + 3;
      client.send(client.peer.headers(id, fields));
      expect(await call).toMatchObject({ code: "WEFT_PROTOCOL_RESPONSE", flags: ["nonRetryable"] });
      expect(client.peer.resetOf(id)).toBe("PROTOCOL_ERROR");
    }
    client.send(client.peer.headers(1, ok));
    expect((await other).status).toBe(200);
  });

  it("holds the body of a request that expects 100-continue until it may go, and passes over interim responses", () => {
    const client = begun();
    const headers = Headers.of("expect", "100-continue");
    void client.session.call(request("POST", textBody("content"), headers), new Ctx());
    client.wire.flush();
    expect(client.peer.content(1).length).toBe(0);
    client.send(client.peer.headers(1, [[":status", "103"]], false));
    expect(client.peer.content(1).length).toBe(0);
    client.send(client.peer.headers(1, [[":status", "100"]], false));
    expect(client.peer.content(1).toString()).toBe("content");
  });

  it("sends the body of a request that expects 100-continue after a second in any case", async () => {
    const clock = new ManualClock();
    const client = new MemoryClient(clock).begin();
    const headers = Headers.of("expect", "100-continue");
    void client.session.call(request("POST", textBody("content"), headers), new Ctx());
    await clock.advance(1_000);
    client.wire.flush();
    expect(client.peer.content(1).toString()).toBe("content");
  });

  it("ends a response that is whole before its request, and tells the source and the server", async () => {
    const client = begun();
    const body = new PushBody();
    const call = client.session.call(request("POST", body), new Ctx());
    body.push(Buffer.from("some"));
    client.send(client.peer.headers(1, [[":status", "413"]]));
    expect((await call).status).toBe(413);
    expect(body.stopped).toBeInstanceOf(Error);
    expect(client.peer.resetOf(1)).toBe("NO_ERROR");
  });

  it("has a call made anew whose connection was closed before it came, if that is safe", async () => {
    const client = begun();
    const redialled: string[] = [];
    const again = new Promise<never>(() => {});
    client.session.owner = {
      redial: (req: HttpRequest) => {
        redialled.push(req.method);
        return again;
      },
      sessionClosed: () => {},
    };
    const first = client.session.call(request(), new Ctx());
    client.send(client.peer.headers(1, ok));
    await first;
    void client.session.call(request("GET"), new Ctx());
    const posted = client.session.call(request("POST", textBody("x")), new Ctx()).catch((error: unknown) => error);
    client.wire.flush();
    client.wire.cut();
    expect(await posted).toMatchObject({ code: "WEFT_CONNECTION_LOST" });
    expect(redialled).toEqual(["GET"]);
  });

  it("fails a call that the server may have begun when its connection is lost", async () => {
    const client = begun();
    client.session.owner = { redial: () => Promise.reject(new Error("again")), sessionClosed: () => {} };
    const first = client.session.call(request(), new Ctx());
    client.send(client.peer.headers(1, ok));
    await first;
    const second = client.session.call(request(), new Ctx()).catch((error: unknown) => error);
    client.send(windowUpdate(3, 1));
    client.wire.cut();
    expect(await second).toMatchObject({ code: "WEFT_CONNECTION_LOST" });
  });

  it("asks a server that is silent with calls under way whether it is there, and gives it up if it is not", async () => {
    const clock = new ManualClock();
    const client = new MemoryClient(clock, { keepAlive: { intervalMs: 10_000, timeoutMs: 5_000 } }).begin();
    const call = client.session.call(request(), new Ctx()).catch((error: unknown) => error);
    await clock.advance(10_000);
    client.wire.flush();
    const [asked] = client.peer.of(FrameType.Ping);
    client.send(frame(FrameType.Ping, Flag.Ack, 0, asked?.payload));
    await clock.advance(5_000);
    expect(client.session.status).toBe("open");
    await clock.advance(15_000);
    await settle();
    expect(client.session.status).toBe("closed");
    expect(await call).toMatchObject({ code: "WEFT_CONNECTION_LOST" });
    expect(clock.armed).toBe(0);
  });

  it("cuts off a server that is waited for and sends nothing", async () => {
    const clock = new ManualClock();
    const timeouts = { readTimeoutMs: 4_000, writeTimeoutMs: 1e9 };
    const client = new MemoryClient(clock, { timeouts }).begin();
    const call = client.session.call(request(), new Ctx()).catch((error: unknown) => error);
    await clock.advance(6_000);
    expect(await call).toMatchObject({ code: "WEFT_CONNECTION_LOST", message: "backend:80 sent nothing for 4000 ms" });
  });

  it("says host by :authority, and leaves out what another version of HTTP framed with", () => {
    const client = begun();
    const headers = Headers.of(
      "Host",
      "web.example",
      "Connection",
      "close",
      "Transfer-Encoding",
      "chunked",
      "X-One",
      "1",
    );
    void client.session.call(request("POST", textBody("abc"), headers), new Ctx());
    client.wire.flush();
    const [head] = client.peer.of(FrameType.Headers);
    expect(client.peer.decode(head as NonNullable<typeof head>).slice(4)).toEqual([
      ["x-one", "1"],
      ["content-length", "3"],
    ]);
  });

  it("writes no request that would not stay within its place", async () => {
    const client = begun();
    const bad: [string, string, string][] = [
      ["GET", "web.example", "/a b"],
      ["GET", "web.example", "path"],
      ["GET", "web.example\r\nx: y", "/"],
      ["GE T", "web.example", "/"],
    ];
    for (const [method, authority, path] of bad) {
      const req = new HttpRequest("1.1", method, "http", authority, path, new Headers(), emptyBody);
      await expect(client.session.call(req, new Ctx())).rejects.toMatchObject({ code: "WEFT_PROTOCOL_REQUEST" });
    }
    client.wire.flush();
    expect(client.peer.of(FrameType.Headers)).toEqual([]);
  });
});
