import { eventually } from "@weftmesh/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorCode, Flag, FrameType } from "../../src/frame-types.ts";
import { block, FramePeer, request, settings, uint32 } from "../frame-peer.ts";
import { type TestServer, testServer } from "../test-server.ts";

let served: TestServer;
beforeAll(async () => {
  served = await testServer();
});
afterAll(() => served.close());

const open = (): Promise<FramePeer> => FramePeer.open(served.port);
const after = Flag.EndHeaders | Flag.EndStream;

async function ends(send: (peer: FramePeer) => unknown, code: number): Promise<void> {
  const peer = await open();
  await send(peer);
  expect((await peer.goaway()).code).toBe(code);
}

/** What is sent costs the stream, and leaves the connection alone. */
async function resets(send: (peer: FramePeer) => unknown, id: number, code: number): Promise<void> {
  const peer = await open();
  await send(peer);
  expect(await peer.resetOf(id)).toBe(code);
  await works(peer);
}

/** A request on a new stream is answered. */
async function works(peer: FramePeer, id = 1_001): Promise<void> {
  expect((await peer.get(id).response(id)).body).toBe("hello");
  peer.destroy();
}

describe("RFC 9113 section 5.1: idle streams", () => {
  for (const [what, send] of [
    ["DATA", (peer: FramePeer) => peer.data(1, "x", Flag.EndStream)],
    ["RST_STREAM", (peer: FramePeer) => peer.reset(1, ErrorCode.Cancel)],
    ["WINDOW_UPDATE", (peer: FramePeer) => peer.windowUpdate(1, 100)],
    ["CONTINUATION", (peer: FramePeer) => peer.write(FrameType.Continuation, Flag.EndHeaders, 1, block(request()))],
  ] as const) {
    it(`${what} ends the connection with PROTOCOL_ERROR`, () => ends(send, ErrorCode.ProtocolError));
  }

  it("PRIORITY is allowed", async () => {
    const peer = await open();
    await works(peer.write(FrameType.Priority, 0, 5, Buffer.from([0, 0, 0, 3, 10])));
  });
});

describe("RFC 9113 section 5.1: half-closed (remote) streams", () => {
  const half = (peer: FramePeer): FramePeer => peer.get(1, "/never");

  it("DATA is a STREAM_CLOSED error of the stream", () =>
    resets((peer) => half(peer).data(1, "x", Flag.EndStream), 1, ErrorCode.StreamClosed));

  it("HEADERS are a STREAM_CLOSED error of the stream", () =>
    resets((peer) => half(peer).headers(1, [["x-late", "1"]]), 1, ErrorCode.StreamClosed));

  it("CONTINUATION ends the connection with PROTOCOL_ERROR", () =>
    ends(
      (peer) => half(peer).write(FrameType.Continuation, Flag.EndHeaders, 1, block([["x", "y"]])),
      ErrorCode.ProtocolError,
    ));

  it("WINDOW_UPDATE, PRIORITY and RST_STREAM are allowed", async () => {
    const peer = await open();
    half(peer)
      .windowUpdate(1, 10)
      .write(FrameType.Priority, 0, 1, Buffer.from([0, 0, 0, 0, 1]));
    await peer.alive();
    await works(peer.reset(1, ErrorCode.Cancel));
  });
});

describe("RFC 9113 section 5.1: half-closed (local) streams", () => {
  it("content may come after the response has ended, and the stream is told with NO_ERROR that nobody needs it", async () => {
    const peer = await open();
    peer.post(1, "/");
    const { status, ended } = await peer.response(1);
    expect({ status, ended, reset: await peer.resetOf(1) }).toEqual({
      status: "200",
      ended: true,
      reset: ErrorCode.NoError,
    });
    peer.data(1, "late").data(1, "r", Flag.EndStream);
    await works(peer);
  });
});

describe("RFC 9113 section 5.1: closed streams", () => {
  const closed = async (peer: FramePeer): Promise<FramePeer> => {
    await peer.get(1).response(1);
    return peer;
  };

  it("DATA after both sides have ended is a STREAM_CLOSED error", () =>
    ends(async (peer) => (await closed(peer)).data(1, "x"), ErrorCode.StreamClosed));

  it("HEADERS after both sides have ended are a STREAM_CLOSED error", () =>
    ends(async (peer) => (await closed(peer)).headers(1, request()), ErrorCode.StreamClosed));

  it("CONTINUATION after both sides have ended is an error of the connection", () =>
    ends(
      async (peer) => (await closed(peer)).write(FrameType.Continuation, Flag.EndHeaders, 1, block([["x", "y"]])),
      ErrorCode.ProtocolError,
    ));

  it("WINDOW_UPDATE, PRIORITY and RST_STREAM after that are ignored", async () => {
    const peer = await closed(await open());
    peer
      .windowUpdate(1, 10)
      .write(FrameType.Priority, 0, 1, Buffer.from([0, 0, 0, 0, 1]))
      .reset(1, ErrorCode.Cancel);
    await works(peer);
  });

  it("DATA after the client's own RST_STREAM is a STREAM_CLOSED error", () =>
    ends((peer) => peer.post(1).reset(1, ErrorCode.Cancel).data(1, "x"), ErrorCode.StreamClosed));

  it("HEADERS after the client's own RST_STREAM are a STREAM_CLOSED error", () =>
    ends((peer) => peer.post(1).reset(1, ErrorCode.Cancel).headers(1, request()), ErrorCode.StreamClosed));

  it("what was on its way when we reset a stream is taken, decoded and forgotten, without another RST_STREAM", async () => {
    const peer = await open();
    peer.headers(1, request("/collect", [["Upper", "case"]], "POST"), Flag.EndHeaders);
    peer
      .data(1, "some")
      .data(1, "content")
      .windowUpdate(1, 5)
      .headers(1, [["x-trailer", "1"]]);
    expect(await peer.resetOf(1)).toBe(ErrorCode.ProtocolError);
    await works(peer);
    expect(peer.frames.filter(({ type, id }) => type === FrameType.RstStream && id === 1).length).toBe(1);
  });

  it("content for streams that are gone is given back to the window of the connection", async () => {
    const peer = await open();
    const bulk = Buffer.alloc(16_384);
    // More than the connection's window in all, for streams that were answered before they ended.
    for (let id = 1; id < 100; id += 2) {
      peer.post(id, "/");
      await peer.resetOf(id);
      for (let i = 0; i < 3; i++) peer.data(id, bulk);
      await peer.alive();
    }
    expect(peer.frames.some(({ type, id }) => type === FrameType.WindowUpdate && id === 0)).toBe(true);
    await works(peer);
  });
});

describe("RFC 9113 section 5.1.1: numbers of streams", () => {
  it("a client that opens a stream with an even number ends the connection with PROTOCOL_ERROR", () =>
    ends((peer) => peer.get(2), ErrorCode.ProtocolError));

  it("a number below the last one ends the connection with PROTOCOL_ERROR", () =>
    ends((peer) => peer.get(5, "/never").get(3), ErrorCode.ProtocolError));

  it("B24: a number that was used before ends the connection", () =>
    ends(async (peer) => {
      await peer.get(1).response(1);
      peer.get(1);
    }, ErrorCode.StreamClosed));

  it("numbers may be left out, up to the last one that there is", async () => {
    const peer = await open();
    for (const id of [1, 7, 1_000_001, 2 ** 31 - 1]) expect((await peer.get(id).response(id)).status).toBe("200");
    peer.destroy();
  });

  it("a stream that was left out is closed, and frames for it are errors", () =>
    ends((peer) => peer.get(5, "/never").get(1), ErrorCode.ProtocolError));
});

describe("RFC 9113 section 5.1.2: streams at a time", () => {
  it("B12: one stream more than the limit is refused, and one that ended makes room", async () => {
    const small = await testServer({ limits: { maxConcurrentStreams: 3 } });
    const peer = await FramePeer.open(small.port);
    expect(peer.frames[0]?.payload.includes(settings([3, 3]))).toBe(true);
    for (const id of [1, 3, 5]) peer.get(id, "/never");
    peer.get(7);
    expect(await peer.resetOf(7)).toBe(ErrorCode.RefusedStream);
    expect(small.seen.length).toBe(3);
    peer.reset(3, ErrorCode.Cancel);
    expect((await peer.get(9).response(9)).status).toBe("200");
    peer.destroy();
    await small.close();
  });

  it("streams that are half-closed on either side count, and closed ones do not", async () => {
    const small = await testServer({ limits: { maxConcurrentStreams: 2 } });
    const peer = await FramePeer.open(small.port);
    for (let id = 1; id < 40; id += 2) expect((await peer.get(id).response(id)).status).toBe("200");
    peer.post(101, "/never").get(103, "/never").get(105);
    expect(await peer.resetOf(105)).toBe(ErrorCode.RefusedStream);
    peer.destroy();
    await small.close();
  });
});

describe("RFC 9113 section 5.3: priority", () => {
  it("is ignored, as a frame and with HEADERS", async () => {
    const peer = await open();
    peer.write(FrameType.Priority, 0, 1, Buffer.from([0x80, 0, 0, 0, 255]));
    const payload = Buffer.concat([Buffer.from([0, 0, 0, 11, 5]), block(request())]);
    peer.write(FrameType.Headers, after | Flag.Priority, 1, payload);
    expect((await peer.response(1)).status).toBe("200");
    peer.destroy();
  });

  it("a client that gives a priority with each of many requests is served", async () => {
    const peer = await open();
    const payload = Buffer.concat([Buffer.from([0, 0, 0, 0, 15]), block(request())]);
    for (let round = 0; round < 30; round++) {
      const first = 1 + round * 200;
      for (let id = first; id < first + 200; id += 2) peer.write(FrameType.Headers, after | Flag.Priority, id, payload);
      expect((await peer.response(first + 198)).status).toBe("200");
    }
    await works(peer, 100_001);
  }, 60_000);

  it("a stream that depends on itself is reset with PROTOCOL_ERROR, and its request reaches nobody", async () => {
    const before = served.seen.length;
    const payload = Buffer.concat([Buffer.from([0, 0, 0, 1, 5]), block(request("/itself"))]);
    await resets(
      (peer) => peer.write(FrameType.Headers, after | Flag.Priority, 1, payload),
      1,
      ErrorCode.ProtocolError,
    );
    expect(served.seen.slice(before).map(({ req }) => req.path)).toEqual(["/"]);
    const itself = Buffer.from([0, 0, 0, 3, 5]);
    await resets((peer) => peer.post(3).write(FrameType.Priority, 0, 3, itself), 3, ErrorCode.ProtocolError);
  });

  it("a PRIORITY that is wrong, for a stream that nobody opened, ends the connection: there is nothing to reset", async () => {
    for (const id of [3, 2]) {
      await ends(
        (peer) => peer.write(FrameType.Priority, 0, id, Buffer.from([0, 0, 0, id, 5])),
        ErrorCode.ProtocolError,
      );
      await ends((peer) => peer.write(FrameType.Priority, 0, id, Buffer.alloc(4)), ErrorCode.FrameSizeError);
    }
  });
});

describe("RFC 9113 section 5.4: errors", () => {
  it("5.4.1: an error of the connection says the last stream that was taken up, and closes", async () => {
    const peer = await open();
    await peer.get(7).response(7);
    peer.write(FrameType.Ping, 0, 0, Buffer.alloc(7));
    expect(await peer.goaway()).toEqual({ code: ErrorCode.FrameSizeError, lastId: 7 });
  });

  it("5.4.1: a client that goes on sending behind its error is closed too", async () => {
    const peer = await open();
    peer.write(FrameType.Ping, 0, 0, Buffer.alloc(7));
    const timer = setInterval(() => peer.write(FrameType.Ping, 0, 0, Buffer.alloc(8)), 1);
    try {
      expect((await peer.goaway()).code).toBe(ErrorCode.FrameSizeError);
    } finally {
      clearInterval(timer);
    }
  });

  it("5.4.1: the calls of a connection that ends are cancelled", async () => {
    const peer = await open();
    const before = served.seen.length;
    peer.get(1, "/never");
    await peer.alive();
    peer.write(FrameType.Ping, 0, 0, Buffer.alloc(7));
    await peer.gone();
    await eventually("the call ends", () => served.seen[before]?.ends.length === 1, 15_000);
    expect(served.seen[before]?.ctx.cancelled).toBeDefined();
  });

  it("5.4.2: RST_STREAM is not answered by RST_STREAM", async () => {
    const peer = await open();
    peer.post(1).reset(1, ErrorCode.InternalError);
    await works(peer);
    expect(peer.frames.some(({ type }) => type === FrameType.RstStream)).toBe(false);
  });

  it("5.4.2: a stream is reset once, whatever else is wrong with what was on its way", async () => {
    const peer = await open();
    peer.headers(1, [["Upper", "case"]], Flag.EndHeaders).write(FrameType.Priority, 0, 1, Buffer.alloc(7));
    peer
      .data(1, "x")
      .headers(1, [["Upper", "case"]])
      .write(FrameType.Priority, 0, 1, Buffer.from([0, 0, 0, 1, 5]));
    await works(peer);
    expect(peer.frames.filter(({ type, id }) => type === FrameType.RstStream && id === 1).length).toBe(1);
  });

  it("5.4.2: an error of a stream leaves the others alone", async () => {
    const peer = await open();
    peer
      .post(1)
      .headers(3, [[":method", "GET"]])
      .data(1, "abc", Flag.EndStream);
    expect(await peer.resetOf(3)).toBe(ErrorCode.ProtocolError);
    expect((await peer.response(1)).body).toBe("3 bytes");
    peer.destroy();
  });
});

describe("RFC 9113 section 5.5 and 7: what nobody knows", () => {
  it("5.5: unknown settings are ignored and acknowledged", async () => {
    const peer = await FramePeer.open(served.port, settings([0xff, 1], [0, 0xffffffff], [0x7777, 5]));
    await works(peer);
  });

  it("7: unknown error codes end what they end, and nothing else", async () => {
    const peer = await open();
    peer.post(1).reset(1, 0xdeadbeef);
    await works(peer);
  });

  it("7: a client's GOAWAY with an unknown code closes the connection behind its streams", async () => {
    const peer = await open();
    peer.post(1).write(FrameType.Goaway, 0, 0, Buffer.concat([uint32(0, 0xfeedface), Buffer.from("debug")]));
    peer.data(1, "abc", Flag.EndStream);
    expect((await peer.response(1)).body).toBe("3 bytes");
    await peer.gone();
  });
});
