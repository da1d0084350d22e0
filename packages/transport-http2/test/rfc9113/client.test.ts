import { bytesBody, collectBody, textBody } from "@weftmesh/http";
import { eventually, PushBody, RecordingSink } from "@weftmesh/testkit";
import { StreamError } from "@weftmesh/transport-http2";
import { afterEach, describe, expect, it } from "vitest";
import { ErrorCode, Flag, FrameType } from "../../src/frame-types.ts";
import { block, type FramePeer, frame, type Row, request, settings, uint32 } from "../frame-peer.ts";
import { call, failureOf, type ScriptedServer, scriptedServer } from "../scripted-server.ts";

let scripted: ScriptedServer;
const start = async (...given: Parameters<typeof scriptedServer>): Promise<ScriptedServer> => {
  scripted = await scriptedServer(...given);
  return scripted;
};
afterEach(() => scripted.close());

const ok: Row[] = [[":status", "200"]];
const ping = frame(FrameType.Ping, 0, 0, Buffer.alloc(8));
const whole = Flag.EndHeaders | Flag.EndStream;

const heads = (server: FramePeer): FramePeer["frames"] =>
  server.frames.filter(({ type }) => type === FrameType.Headers);
const come = (server: FramePeer, count: number): Promise<void> =>
  server.until(`${count} requests`, () => heads(server).length >= count);

/** The server does something on stream 1 which ends the connection with that code. */
async function ends(send: (server: FramePeer) => unknown, code: number): Promise<void> {
  const { server, session } = await start();
  const made = call(session);
  await come(server, 1);
  await send(server);
  await failureOf(made);
  const { payload } = await server.find("GOAWAY", ({ type }) => type === FrameType.Goaway);
  expect(payload.readUInt32BE(4)).toBe(code);
  expect(session.status).toBe("closed");
}

/** The server does something on stream 1 which costs that stream, and no other. */
async function resets(send: (server: FramePeer) => unknown, code: number): Promise<void> {
  const { server, session } = await start();
  const made = call(session);
  const other = call(session, "/other");
  await come(server, 2);
  await send(server);
  const error = await failureOf(made);
  expect(await server.resetOf(1)).toBe(code);
  expect(error).toBeInstanceOf(Error);
  server.headers(3, ok);
  expect((await other.rep).status).toBe(200);
}

describe("our client, RFC 9113 section 3.4 and 8.3: what it says first", () => {
  it("the preface, then SETTINGS without push", async () => {
    const { server } = await start();
    const { payload, type } = server.frames[0] as FramePeer["frames"][0];
    expect(type).toBe(FrameType.Settings);
    expect(payload.includes(settings([2, 0]))).toBe(true);
  });

  it("acknowledges the server's settings", async () => {
    const { server } = await start(settings([3, 50]));
    await server.find("an acknowledgement", ({ type, flags }) => type === FrameType.Settings && flags === Flag.Ack);
  });

  it("requests have the pseudo-headers first, and streams odd numbers that go up", async () => {
    const { server, session } = await start();
    for (const path of ["/a", "/b", "/c"]) call(session, path);
    await come(server, 3);
    expect(heads(server).map(({ id }) => id)).toEqual([1, 3, 5]);
    expect(server.message(5).lists[0]).toEqual([
      [":method", "GET"],
      [":scheme", "http"],
      [":authority", "web.example"],
      [":path", "/c"],
    ]);
  });

  it("a request without content is one frame with END_STREAM; one with content ends with its last DATA", async () => {
    const { server, session } = await start();
    call(session);
    call(session, "/", "POST", textBody("abc"));
    await server.until("content", () => server.dataBytes(3) === 3);
    expect(heads(server).map(({ flags }) => flags & Flag.EndStream)).toEqual([Flag.EndStream, 0]);
    await server.until("its end", () => server.message(3).ended);
  });
});

describe("our client, sections 4 to 6: errors of the server's", () => {
  const connection: Readonly<Record<string, readonly [send: (server: FramePeer) => unknown, code: number]>> = {
    "DATA on a stream that nobody opened": [(server) => server.data(3, "x"), ErrorCode.ProtocolError],
    "HEADERS on a stream that nobody opened": [(server) => server.headers(3, ok), ErrorCode.ProtocolError],
    "HEADERS on a stream of the server's": [(server) => server.headers(2, ok), ErrorCode.ProtocolError],
    "RST_STREAM on a stream that nobody opened": [(server) => server.reset(3, 8), ErrorCode.ProtocolError],
    "WINDOW_UPDATE on a stream that nobody opened": [(server) => server.windowUpdate(3, 1), ErrorCode.ProtocolError],
    "B25: PUSH_PROMISE": [
      (server) => server.write(FrameType.PushPromise, Flag.EndHeaders, 1, Buffer.concat([uint32(2), block(request())])),
      ErrorCode.ProtocolError,
    ],
    "SETTINGS with ENABLE_PUSH": [
      (server) => server.write(FrameType.Settings, 0, 0, settings([2, 1])),
      ErrorCode.ProtocolError,
    ],
    "SETTINGS with a window too large": [
      (server) => server.write(FrameType.Settings, 0, 0, settings([4, 2 ** 31])),
      ErrorCode.FlowControlError,
    ],
    "a header block that cannot be decoded": [
      (server) => server.write(FrameType.Headers, whole, 1, Buffer.from([0x80])),
      ErrorCode.CompressionError,
    ],
    "a frame that is too large": [(server) => server.data(1, Buffer.alloc(16_385)), ErrorCode.FrameSizeError],
    "PING of seven octets": [(server) => server.write(FrameType.Ping, 0, 0, Buffer.alloc(7)), ErrorCode.FrameSizeError],
    "CONTINUATION without HEADERS": [
      (server) => server.write(FrameType.Continuation, Flag.EndHeaders, 1, block(ok)),
      ErrorCode.ProtocolError,
    ],
    "WINDOW_UPDATE of 0": [(server) => server.windowUpdate(0, 0), ErrorCode.ProtocolError],
    "a window of the connection too large": [
      (server) => server.windowUpdate(0, 2 ** 31 - 1),
      ErrorCode.FlowControlError,
    ],
    "B3: a header block without an end": [
      async (server) => {
        server.headers(1, ok, 0);
        const part = block([["x", "v".repeat(10_000)]]);
        for (let i = 0; i < 10; i++) server.write(FrameType.Continuation, 0, 1, part);
      },
      ErrorCode.EnhanceYourCalm,
    ],
    "B5: a flood of PINGs": [
      async (server) => {
        server.polite = false;
        await server.flood(100, () => Buffer.concat(new Array(100).fill(ping)));
      },
      ErrorCode.EnhanceYourCalm,
    ],
  };
  for (const [what, [send, code]] of Object.entries(connection)) {
    it(`${what} ends the connection`, () => ends(send, code));
  }

  const stream: Readonly<Record<string, readonly [send: (server: FramePeer) => unknown, code: number]>> = {
    "DATA before HEADERS": [(server) => server.data(1, "x"), ErrorCode.ProtocolError],
    "B16: no :status": [(server) => server.headers(1, [["x", "y"]]), ErrorCode.ProtocolError],
    "B16: two of them": [(server) => server.headers(1, [...ok, ...ok]), ErrorCode.ProtocolError],
    "B16: one behind a header": [(server) => server.headers(1, [["x", "y"], ...ok]), ErrorCode.ProtocolError],
    "B16: a pseudo-header of requests": [
      (server) => server.headers(1, [...ok, [":path", "/"]]),
      ErrorCode.ProtocolError,
    ],
    "a :status that is none": [(server) => server.headers(1, [[":status", "2000"]]), ErrorCode.ProtocolError],
    "101": [(server) => server.headers(1, [[":status", "101"]], Flag.EndHeaders), ErrorCode.ProtocolError],
    "an interim response with END_STREAM": [
      (server) => server.headers(1, [[":status", "103"]]),
      ErrorCode.ProtocolError,
    ],
    "A58: more than 20 interim responses": [
      (server) => {
        for (let i = 0; i < 21; i++) server.headers(1, [[":status", "103"]], Flag.EndHeaders);
      },
      ErrorCode.ProtocolError,
    ],
    "B17: a name in upper case": [(server) => server.headers(1, [...ok, ["X-Upper", "1"]]), ErrorCode.ProtocolError],
    "B18: connection": [(server) => server.headers(1, [...ok, ["connection", "close"]]), ErrorCode.ProtocolError],
    "B21: CR and LF in a value": [(server) => server.headers(1, [...ok, ["x", "a\r\nb: c"]]), ErrorCode.ProtocolError],
    "B22: a content-length without content": [
      (server) => server.headers(1, [...ok, ["content-length", "5"]]),
      ErrorCode.ProtocolError,
    ],
    "WINDOW_UPDATE of 0": [(server) => server.windowUpdate(1, 0), ErrorCode.ProtocolError],
    "a window too large": [(server) => server.windowUpdate(1, 2 ** 31 - 1), ErrorCode.FlowControlError],
  };
  for (const [what, [send, code]] of Object.entries(stream)) {
    it(`${what} costs the stream alone`, () => resets(send, code));
  }

  it("B22: a body that is longer or shorter than it says fails, after its head", async () => {
    for (const content of ["abc", "abcdefgh"]) {
      const { server, session } = await start();
      const made = call(session);
      await come(server, 1);
      server.headers(1, [...ok, ["content-length", "5"]], Flag.EndHeaders).data(1, content, Flag.EndStream);
      const { body } = await made.rep;
      await expect(collectBody(body, 100)).rejects.toThrow();
      expect(await server.resetOf(1)).toBe(ErrorCode.ProtocolError);
      scripted.close();
    }
  });

  it("trailers that do not end the response fail its body", async () => {
    const { server, session } = await start();
    const made = call(session);
    await come(server, 1);
    server.headers(1, ok, Flag.EndHeaders).headers(1, [["x", "y"]], Flag.EndHeaders);
    await expect(made.rep.then(({ body }) => collectBody(body, 100))).rejects.toThrow();
    expect(await server.resetOf(1)).toBe(ErrorCode.ProtocolError);
  });

  it("frames that were on their way when we reset a stream are ignored", async () => {
    const { server, session } = await start();
    const made = call(session);
    await come(server, 1);
    made.ctx.cancel(new Error("enough"));
    await server.resetOf(1);
    server
      .headers(1, [...ok, ["x-a", "b"]], Flag.EndHeaders)
      .data(1, "late")
      .headers(1, [["x-trailer", "1"]]);
    const next = call(session, "/next");
    await come(server, 2);
    server.headers(3, ok);
    expect((await next.rep).status).toBe(200);
  });
});

describe("our client, section 6.8: GOAWAY", () => {
  it("B26: streams above the last one fail so that they may be sent again; those below go on", async () => {
    const { server, session } = await start();
    const calls = ["/a", "/b", "/c"].map((path) => call(session, path));
    await come(server, 3);
    server.write(FrameType.Goaway, 0, 0, uint32(3, ErrorCode.NoError));
    const error = await failureOf(calls[2] as (typeof calls)[0]);
    expect(error).toBeInstanceOf(StreamError);
    expect(error).toMatchObject({ refused: true, flags: expect.arrayContaining(["retryable"]) });
    expect(session.status).toBe("closed");
    server.headers(1, ok).headers(3, ok);
    expect((await (calls[0] as (typeof calls)[0]).rep).status).toBe(200);
    expect((await (calls[1] as (typeof calls)[0]).rep).status).toBe(200);
    await server.gone();
  });

  it("a server that drains with 2^31 - 1 first gets no new streams, and what it has is finished", async () => {
    const { server, session } = await start();
    const made = call(session);
    await come(server, 1);
    server.write(FrameType.Goaway, 0, 0, uint32(2 ** 31 - 1, ErrorCode.NoError));
    await eventually("the session closes", () => session.status === "closed", 15_000);
    server.write(FrameType.Goaway, 0, 0, uint32(1, ErrorCode.NoError)).headers(1, ok);
    expect((await made.rep).status).toBe(200);
    await server.gone();
  });

  it("REFUSED_STREAM fails so that the call may be sent again; another code does not", async () => {
    const { server, session } = await start();
    const refused = call(session);
    const broken = call(session);
    await come(server, 2);
    server.reset(1, ErrorCode.RefusedStream).reset(3, ErrorCode.InternalError);
    expect(await failureOf(refused)).toMatchObject({ refused: true, remote: true, http2Code: ErrorCode.RefusedStream });
    expect((await failureOf(refused)).flags).toContain("retryable");
    expect(await failureOf(broken)).toMatchObject({ refused: false, remote: true, http2Code: ErrorCode.InternalError });
    expect((await failureOf(broken)).flags).not.toContain("retryable");
  });

  it("a connection that ends takes its calls with it, and none hangs", async () => {
    const { server, session } = await start();
    const calls = [call(session), call(session, "/", "POST", new PushBody())];
    await come(server, 2);
    server.destroy();
    for (const each of calls) expect(await failureOf(each)).toBeInstanceOf(Error);
    expect(session.status).toBe("closed");
  });
});

describe("our client, sections 5.1.2, 6.5 and 6.9: limits of the server's", () => {
  it("B27: as many calls as MAX_CONCURRENT_STREAMS, and then it is busy until one is over", async () => {
    const { server, session } = await start(settings([3, 1]));
    const first = call(session);
    expect(session.status).toBe("busy");
    await come(server, 1);
    server.headers(1, ok);
    expect((await first.rep).status).toBe(200);
    expect(session.status).toBe("open");
    call(session, "/second");
    await come(server, 2);
    server.write(FrameType.Settings, 0, 0, settings([3, 2]));
    await eventually("there is room", () => session.status === "open", 15_000);
  });

  it("no more is sent than the windows of stream and connection", async () => {
    const { server, session } = await start(settings([4, 10]));
    call(session, "/", "POST", bytesBody(Buffer.alloc(1_000)));
    await server.until("content", () => server.dataBytes(1) === 10);
    server.windowUpdate(1, 5);
    await server.until("content", () => server.dataBytes(1) === 15);
    await server.alive();
    expect(server.dataBytes(1)).toBe(15);
    server.windowUpdate(1, 10_000);
    await server.until("its end", () => server.message(1).ended);
    expect(server.dataBytes(1)).toBe(1_000);
  });

  it("B28: a window that shrinks below what was sent, in the middle of a body, holds it and no more", async () => {
    const { server, session } = await start(settings([4, 100]));
    call(session, "/", "POST", bytesBody(Buffer.alloc(1_000)));
    await server.until("content", () => server.dataBytes(1) === 100);
    server.write(FrameType.Settings, 0, 0, settings([4, 0])).windowUpdate(1, 100);
    await server.alive();
    expect(server.dataBytes(1)).toBe(100);
    server.windowUpdate(1, 1);
    await server.until("one octet", () => server.dataBytes(1) === 101);
    server.write(FrameType.Settings, 0, 0, settings([4, 5_000]));
    await server.until("its end", () => server.message(1).ended);
    expect(server.dataBytes(1)).toBe(1_000);
  });

  it("a body that nobody reads stops the server at the window, and the others go on", async () => {
    const { server, session } = await start();
    const made = call(session);
    await come(server, 1);
    server.headers(1, ok, Flag.EndHeaders);
    for (let i = 0; i < 3; i++) server.data(1, Buffer.alloc(16_384));
    await made.rep;
    const other = call(session, "/other");
    await come(server, 2);
    server.headers(3, ok, Flag.EndHeaders).data(3, "x", Flag.EndStream);
    expect((await collectBody((await other.rep).body, 100)).length).toBe(1);
    expect(server.frames.some(({ type, id }) => type === FrameType.WindowUpdate && id === 1)).toBe(false);
    const sink = new RecordingSink();
    (await made.rep).body.pipe(sink);
    server.data(1, Buffer.alloc(16_383));
    await server.find("an update", ({ type, id }) => type === FrameType.WindowUpdate && id === 1);
  });

  it("header blocks of ours are in frames that every server takes", async () => {
    const { server, session } = await start();
    const { Headers, HttpRequest, emptyBody } = await import("@weftmesh/http");
    const { Ctx } = await import("@weftmesh/core");
    const headers = Headers.of("x-long", "v".repeat(50_000));
    session.call(new HttpRequest("2", "GET", "http", "web", "/", headers, emptyBody), new Ctx()).catch(() => {});
    await server.until("the request", () => server.message(1).lists.length === 1);
    expect(Math.max(...server.frames.map(({ payload }) => payload.length))).toBeLessThanOrEqual(16_384);
  });

  it("the server's SETTINGS_HEADER_TABLE_SIZE is obeyed from the next request on", async () => {
    const { server, session } = await start();
    for (let i = 0; i < 4; i++) call(session);
    await come(server, 4);
    expect(server.decoder.tableBytes).toBeGreaterThan(0);
    server.write(FrameType.Settings, 0, 0, settings([1, 0]));
    await server.alive();
    call(session);
    await come(server, 5);
    expect(server.decoder.tableBytes).toBe(0);
  });
});

describe("our client, section 8: responses", () => {
  it("interim responses, content and trailers", async () => {
    const { server, session } = await start();
    const made = call(session);
    await come(server, 1);
    server.headers(
      1,
      [
        [":status", "103"],
        ["link", "</a>"],
      ],
      Flag.EndHeaders,
    );
    server
      .headers(1, [...ok, ["x-a", "b"]], Flag.EndHeaders)
      .data(1, "abc")
      .data(1, "de")
      .headers(1, [["x-sum", "1"]]);
    const { status, headers, body } = await made.rep;
    expect([status, headers.get("x-a")]).toEqual([200, "b"]);
    const sink = new RecordingSink();
    body.pipe(sink);
    await sink.done;
    expect(sink.text()).toBe("abcde");
    expect(sink.trailers?.get("x-sum")).toBe("1");
  });

  it("B29: a response of trailers alone has no body, and is not cut in two", async () => {
    const { server, session } = await start();
    const made = call(session);
    await come(server, 1);
    server.headers(1, [...ok, ["content-type", "application/grpc"], ["grpc-status", "5"]]);
    const { headers, body } = await made.rep;
    expect(headers.get("grpc-status")).toBe("5");
    expect(body.length).toBe(0);
  });

  it("a response before the request has ended stops the request, with NO_ERROR", async () => {
    const { server, session } = await start();
    const body = new PushBody();
    const made = call(session, "/", "POST", body);
    body.push(Buffer.from("some"));
    await server.until("content", () => server.dataBytes(1) === 4);
    server.headers(1, ok);
    expect((await made.rep).status).toBe(200);
    expect(await server.resetOf(1)).toBe(ErrorCode.NoError);
    await eventually("the body is told", () => body.stopped !== undefined, 15_000);
  });

  it("a response with NO_ERROR behind it is whole, though the request was not", async () => {
    const { server, session } = await start();
    const body = new PushBody();
    const made = call(session, "/", "POST", body);
    await come(server, 1);
    server.headers(1, ok, Flag.EndHeaders).data(1, "early", Flag.EndStream).reset(1, ErrorCode.NoError);
    expect((await collectBody((await made.rep).body, 100)).toString()).toBe("early");
  });

  it("B34: a call that is cancelled resets its stream with CANCEL at once", async () => {
    const { server, session } = await start();
    const made = call(session);
    await come(server, 1);
    made.ctx.cancel(new Error("enough"));
    expect(await server.resetOf(1)).toBe(ErrorCode.Cancel);
    expect((await failureOf(made)).message).toBe("enough");
  });

  it("a header list longer than ours may be fails the call, and the next one is read", async () => {
    const { server, session } = await start(Buffer.alloc(0), { endpoint: { maxHeaderListBytes: 1_000 } });
    const made = call(session);
    await come(server, 1);
    server.headers(1, [...ok, ["x-long", "v".repeat(2_000)]]);
    expect((await failureOf(made)).message).toContain("1000");
    const next = call(session);
    await come(server, 2);
    server.headers(3, ok);
    expect((await next.rep).status).toBe(200);
  });
});
