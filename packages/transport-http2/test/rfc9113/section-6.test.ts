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

const whole = Flag.EndHeaders | Flag.EndStream;
const open = (ours?: Buffer): Promise<FramePeer> => FramePeer.open(served.port, ours);

async function ends(send: (peer: FramePeer) => unknown, code: number): Promise<void> {
  const peer = await open();
  await send(peer);
  expect((await peer.goaway()).code).toBe(code);
}

async function resets(send: (peer: FramePeer) => unknown, id: number, code: number): Promise<void> {
  const peer = await open();
  await send(peer);
  expect(await peer.resetOf(id)).toBe(code);
  await works(peer);
}

async function works(peer: FramePeer, id = 1_001): Promise<void> {
  expect((await peer.get(id).response(id)).body).toBe("hello");
  peer.destroy();
}

/** Content with padding around it. */
function padded(content: Uint8Array, padding: number): Buffer {
  return Buffer.concat([Buffer.from([padding]), content, Buffer.alloc(padding)]);
}

describe("RFC 9113 section 6.1: DATA", () => {
  it("on stream 0 ends the connection with PROTOCOL_ERROR", () =>
    ends((peer) => peer.data(0, "x"), ErrorCode.ProtocolError));

  it("padding is taken off, and counts against the windows", async () => {
    const peer = await open();
    peer.post(1, "/echo");
    for (let i = 0; i < 3; i++) peer.data(1, padded(Buffer.from("abc"), 200), Flag.Padded);
    peer
      .data(1, padded(Buffer.alloc(0), 255), Flag.Padded)
      .data(1, padded(Buffer.from("d"), 0), Flag.Padded | Flag.EndStream);
    expect((await peer.response(1)).body).toBe("abcabcabcd");
    peer.destroy();
  });

  it("padding is given back: a client that sends little else is not stopped by its windows", async () => {
    const peer = await open();
    peer.post(1);
    let sent = 0;
    // Twice the window of the stream in all.
    while (sent < 131_072) {
      peer.data(1, padded(Buffer.from("x"), 255), Flag.Padded);
      sent += 257;
      if (sent % 10 === 0) await peer.alive();
    }
    peer.data(1, "", Flag.EndStream);
    expect((await peer.response(1)).body).toBe(`${Math.ceil(131_072 / 257)} bytes`);
    peer.destroy();
  });

  for (const [what, payload] of [
    ["as much padding as payload", Buffer.from([5, 1, 2, 3, 4])],
    ["more padding than payload", Buffer.from([255, 1, 2])],
  ] as const) {
    it(`${what} ends the connection with PROTOCOL_ERROR`, () =>
      ends((peer) => peer.post(1).data(1, payload, Flag.Padded), ErrorCode.ProtocolError));
  }

  it("the padded flag without room for the length is a FRAME_SIZE_ERROR", () =>
    ends((peer) => peer.post(1).data(1, "", Flag.Padded), ErrorCode.FrameSizeError));

  it("an empty frame with END_STREAM ends the request", async () => {
    const peer = await open();
    peer.post(1).data(1, "abc").data(1, "", Flag.EndStream);
    expect((await peer.response(1)).body).toBe("3 bytes");
    peer.destroy();
  });
});

describe("RFC 9113 section 6.2: HEADERS", () => {
  it("on stream 0 ends the connection with PROTOCOL_ERROR", () =>
    ends((peer) => peer.headers(0, request()), ErrorCode.ProtocolError));

  it("padding and priority are taken off", async () => {
    const peer = await open();
    peer.write(FrameType.Headers, whole | Flag.Padded, 1, padded(block(request()), 100));
    const both = padded(Buffer.concat([Buffer.from([0, 0, 0, 0, 9]), block(request())]), 3);
    peer.write(FrameType.Headers, whole | Flag.Padded | Flag.Priority, 3, both);
    expect((await peer.response(1)).status).toBe("200");
    expect((await peer.response(3)).status).toBe("200");
    peer.destroy();
  });

  it("more padding than payload ends the connection with PROTOCOL_ERROR", () =>
    ends(
      (peer) => peer.write(FrameType.Headers, whole | Flag.Padded, 1, Buffer.from([9, 0x82, 0x84])),
      ErrorCode.ProtocolError,
    ));

  it("a payload too short for what its flags say is a FRAME_SIZE_ERROR", async () => {
    await ends((peer) => peer.write(FrameType.Headers, whole | Flag.Padded, 1), ErrorCode.FrameSizeError);
    await ends(
      (peer) => peer.write(FrameType.Headers, whole | Flag.Priority, 1, Buffer.alloc(4)),
      ErrorCode.FrameSizeError,
    );
  });

  it("END_STREAM with HEADERS ends the request, though CONTINUATION follows", async () => {
    const peer = await open();
    const bytes = block(request("/collect", [], "POST"));
    peer.write(FrameType.Headers, Flag.EndStream, 1, bytes.subarray(0, 10));
    peer.write(FrameType.Continuation, Flag.EndHeaders, 1, bytes.subarray(10));
    expect((await peer.response(1)).body).toBe("0 bytes");
    peer.destroy();
  });
});

describe("RFC 9113 section 6.3: PRIORITY", () => {
  it("on stream 0 ends the connection with PROTOCOL_ERROR", () =>
    ends((peer) => peer.write(FrameType.Priority, 0, 0, Buffer.alloc(5)), ErrorCode.ProtocolError));

  for (const length of [0, 4, 6]) {
    it(`of ${length} octets is a FRAME_SIZE_ERROR of the stream`, () =>
      resets(
        (peer) => peer.post(1).write(FrameType.Priority, 0, 1, Buffer.alloc(length)),
        1,
        ErrorCode.FrameSizeError,
      ));
  }
});

describe("RFC 9113 section 6.4: RST_STREAM", () => {
  it("on stream 0 ends the connection with PROTOCOL_ERROR", () =>
    ends((peer) => peer.reset(0, 8), ErrorCode.ProtocolError));

  for (const length of [0, 3, 5]) {
    it(`of ${length} octets ends the connection with FRAME_SIZE_ERROR`, () =>
      ends((peer) => peer.post(1).write(FrameType.RstStream, 0, 1, Buffer.alloc(length)), ErrorCode.FrameSizeError));
  }

  it("B34: cancels the call", async () => {
    const peer = await open();
    const before = served.seen.length;
    peer.get(1, "/never");
    await peer.alive();
    const from = performance.now();
    peer.reset(1, ErrorCode.Cancel);
    await eventually("the call is cancelled", () => served.seen[before]?.ctx.cancelled !== undefined, 15_000);
    expect(performance.now() - from).toBeLessThan(2_000);
    await works(peer);
  });

  it("stops a response that is under way", async () => {
    const peer = await open();
    peer.get(1, "/big/1000000");
    await peer.until("some content", () => peer.dataBytes(1) === 65_535);
    peer.reset(1, ErrorCode.Cancel).windowUpdate(0, 1_000_000);
    await works(peer);
    expect(peer.dataBytes(1)).toBe(65_535);
  });
});

describe("RFC 9113 section 6.5: SETTINGS", () => {
  it("an acknowledgement with content is a FRAME_SIZE_ERROR", () =>
    ends((peer) => peer.write(FrameType.Settings, Flag.Ack, 0, settings([1, 1])), ErrorCode.FrameSizeError));

  it("on a stream ends the connection with PROTOCOL_ERROR", () =>
    ends((peer) => peer.write(FrameType.Settings, 0, 1), ErrorCode.ProtocolError));

  for (const length of [1, 5, 7]) {
    it(`of ${length} octets is a FRAME_SIZE_ERROR`, () =>
      ends((peer) => peer.write(FrameType.Settings, 0, 0, Buffer.alloc(length)), ErrorCode.FrameSizeError));
  }

  const wrong: readonly (readonly [what: string, id: number, value: number, code: number])[] = [
    ["ENABLE_PUSH of 2", 2, 2, ErrorCode.ProtocolError],
    ["INITIAL_WINDOW_SIZE of 2^31", 4, 2 ** 31, ErrorCode.FlowControlError],
    ["INITIAL_WINDOW_SIZE of 2^32 - 1", 4, 2 ** 32 - 1, ErrorCode.FlowControlError],
    ["MAX_FRAME_SIZE of 16,383", 5, 16_383, ErrorCode.ProtocolError],
    ["MAX_FRAME_SIZE of 2^24", 5, 2 ** 24, ErrorCode.ProtocolError],
  ];
  for (const [what, id, value, code] of wrong) {
    it(`6.5.2: ${what} ends the connection`, () =>
      ends((peer) => peer.write(FrameType.Settings, 0, 0, settings([id, value])), code));
  }

  it("6.5.2: every value at its bounds is taken", async () => {
    const peer = await open(
      settings(
        [1, 0],
        [1, 2 ** 32 - 1],
        [2, 0],
        [2, 1],
        [3, 0],
        [3, 2 ** 32 - 1],
        [4, 0],
        [4, 2 ** 31 - 1],
        [5, 16_384],
        [5, 2 ** 24 - 1],
        [6, 0],
        [6, 2 ** 32 - 1],
      ),
    );
    await works(peer);
  });

  it("6.5.2: a client that allows no header list is still answered, since the limit is advice", async () => {
    await works(await open(settings([6, 0])));
  });

  it("6.5.3: each SETTINGS is acknowledged, in order with what stands around it", async () => {
    const peer = await open();
    const before = peer.frames.length;
    for (let i = 0; i < 5; i++) peer.write(FrameType.Settings, 0, 0, settings([3, i]));
    await peer.alive();
    const types = peer.frames.slice(before).map(({ type, flags }) => [type, flags]);
    expect(types).toEqual([...new Array(5).fill([FrameType.Settings, Flag.Ack]), [FrameType.Ping, Flag.Ack]]);
    peer.destroy();
  });

  it("6.5.3: of a setting that is there twice the last value counts", async () => {
    const peer = await open(settings([4, 1], [4, 100]));
    peer.get(1, "/big/1000");
    await peer.alive();
    expect(peer.dataBytes(1)).toBe(100);
    peer.destroy();
  });

  it("6.5.3: an acknowledgement that nobody asked for does no harm", async () => {
    const peer = await open();
    for (let i = 0; i < 5; i++) peer.write(FrameType.Settings, Flag.Ack, 0);
    await works(peer);
  });
});

describe("RFC 9113 section 6.6 and 8.4: PUSH_PROMISE", () => {
  it("from a client ends the connection with PROTOCOL_ERROR", () =>
    ends(
      (peer) =>
        peer.post(1).write(FrameType.PushPromise, Flag.EndHeaders, 1, Buffer.concat([uint32(2), block(request())])),
      ErrorCode.ProtocolError,
    ));
});

describe("RFC 9113 section 6.7: PING", () => {
  it("is acknowledged with the same octets", async () => {
    const peer = await open();
    peer.write(FrameType.Ping, 0, 0, Buffer.from("8 octets"));
    const { flags, payload } = await peer.find("an answer", ({ type }) => type === FrameType.Ping);
    expect([flags, payload.toString()]).toEqual([Flag.Ack, "8 octets"]);
    peer.destroy();
  });

  it("an acknowledgement is not answered", async () => {
    const peer = await open();
    peer.write(FrameType.Ping, Flag.Ack, 0, Buffer.from("8 octets"));
    await peer.alive();
    expect(peer.frames.some(({ payload }) => payload.toString() === "8 octets")).toBe(false);
    peer.destroy();
  });

  it("on a stream ends the connection with PROTOCOL_ERROR", () =>
    ends((peer) => peer.write(FrameType.Ping, 0, 1, Buffer.alloc(8)), ErrorCode.ProtocolError));

  for (const length of [0, 7, 9]) {
    it(`of ${length} octets is a FRAME_SIZE_ERROR`, () =>
      ends((peer) => peer.write(FrameType.Ping, 0, 0, Buffer.alloc(length)), ErrorCode.FrameSizeError));
  }
});

describe("RFC 9113 section 6.8: GOAWAY", () => {
  it("on a stream ends the connection with PROTOCOL_ERROR", () =>
    ends((peer) => peer.write(FrameType.Goaway, 0, 1, uint32(0, 0)), ErrorCode.ProtocolError));

  it("of less than eight octets is a FRAME_SIZE_ERROR", () =>
    ends((peer) => peer.write(FrameType.Goaway, 0, 0, uint32(0)), ErrorCode.FrameSizeError));

  it("of the client's: streams that are there go on, and the connection closes behind them", async () => {
    const peer = await open();
    peer.post(1).post(3);
    peer.write(FrameType.Goaway, 0, 0, uint32(0, ErrorCode.NoError));
    await peer.alive();
    peer.data(1, "ab", Flag.EndStream).data(3, "abc", Flag.EndStream);
    expect((await peer.response(1)).body).toBe("2 bytes");
    expect((await peer.response(3)).body).toBe("3 bytes");
    await peer.gone();
  });

  it("of a server that drains: first of all it takes what is on its way, then it says which streams it served", async () => {
    const draining = await testServer();
    const peer = await FramePeer.open(draining.port);
    peer.post(1);
    await peer.alive();
    const closed = draining.server.close();
    const first = await peer.find("GOAWAY", ({ type }) => type === FrameType.Goaway);
    expect([...[0, 4].map((at) => first.payload.readUInt32BE(at))]).toEqual([2 ** 31 - 1, ErrorCode.NoError]);
    await peer.until("the second GOAWAY", () => goaways(peer).length === 2);
    expect(goaways(peer)[1]?.payload.readUInt32BE(0)).toBe(1);
    // Beyond what it promised: not processed, nor answered.
    peer.get(3).data(1, "abc", Flag.EndStream);
    expect((await peer.response(1)).body).toBe("3 bytes");
    await peer.gone();
    expect(draining.seen.length).toBe(1);
    await closed;
  });
});

const goaways = (peer: FramePeer): FramePeer["frames"] => peer.frames.filter(({ type }) => type === FrameType.Goaway);

describe("RFC 9113 section 6.9: WINDOW_UPDATE and flow control", () => {
  it("an increment of 0 is a PROTOCOL_ERROR: of the stream, or of the connection", async () => {
    await resets((peer) => peer.post(1).windowUpdate(1, 0), 1, ErrorCode.ProtocolError);
    await ends((peer) => peer.windowUpdate(0, 0), ErrorCode.ProtocolError);
  });

  for (const length of [0, 3, 5]) {
    it(`of ${length} octets is a FRAME_SIZE_ERROR`, () =>
      ends((peer) => peer.write(FrameType.WindowUpdate, 0, 0, Buffer.alloc(length)), ErrorCode.FrameSizeError));
  }

  it("the reserved bit of the increment is ignored", async () => {
    const peer = await open(settings([4, 0]));
    peer.get(1, "/big/10").windowUpdate(1, 0x80000005);
    await peer.until("content", () => peer.dataBytes(1) === 5);
    peer.destroy();
  });

  it("6.9.1: no more is sent than the window of the stream", async () => {
    const peer = await open(settings([4, 10]));
    peer.get(1, "/big/100");
    await peer.alive();
    expect(peer.dataBytes(1)).toBe(10);
    peer.windowUpdate(1, 1);
    await peer.alive();
    expect(peer.dataBytes(1)).toBe(11);
    peer.windowUpdate(1, 1_000);
    expect((await peer.response(1)).body.length).toBe(100);
    peer.destroy();
  });

  it("6.9.1: no more is sent than the window of the connection, by all streams together", async () => {
    const peer = await open(settings([4, 1_000_000]));
    for (const id of [1, 3, 5]) peer.get(id, "/big/60000");
    await peer.until("content", () => peer.dataBytes() === 65_535);
    await peer.alive();
    expect(peer.dataBytes()).toBe(65_535);
    peer.windowUpdate(0, 200_000);
    for (const id of [1, 3, 5]) expect((await peer.response(id)).body.length).toBe(60_000);
    peer.destroy();
  });

  it("6.9.1: HEADERS, empty DATA and trailers need no window", async () => {
    const peer = await open(settings([4, 0]));
    peer.get(1, "/status/204").get(3, "/trailers");
    expect((await peer.response(1)).status).toBe("204");
    await peer.until("headers", () => peer.message(3).status === "200");
    expect(peer.message(3).ended).toBe(false);
    peer.windowUpdate(3, 7);
    const { lists, body } = await peer.response(3);
    expect(body).toBe("content");
    expect(lists.at(-1)).toEqual([["x-check", "sum"]]);
    peer.destroy();
  });

  it("B15: a window above 2^31 - 1 is a FLOW_CONTROL_ERROR: of the stream, or of the connection", async () => {
    const full = 2 ** 31 - 1;
    await resets((peer) => peer.post(1).windowUpdate(1, full), 1, ErrorCode.FlowControlError);
    await ends((peer) => peer.windowUpdate(0, full), ErrorCode.FlowControlError);
    await resets(
      (peer) =>
        peer
          .post(1)
          .windowUpdate(1, full - 65_535)
          .windowUpdate(1, 1),
      1,
      ErrorCode.FlowControlError,
    );
  });

  it("6.9.1: a client that overruns the window of a stream is told FLOW_CONTROL_ERROR", async () => {
    const small = await testServer({ endpoint: { initialStreamWindowBytes: 100 } });
    const peer = await FramePeer.open(small.port);
    peer.post(1, "/never").data(1, Buffer.alloc(100)).data(1, "x");
    expect(await peer.resetOf(1)).toBe(ErrorCode.FlowControlError);
    await works(peer);
    await small.close();
  });

  it("6.9.1: a client that overruns the window of the connection ends it with FLOW_CONTROL_ERROR", async () => {
    const small = await testServer({ endpoint: { connectionWindowBytes: 65_535, maxHeldBytes: 1_000 } });
    const peer = await FramePeer.open(small.port);
    peer.post(1, "/never").post(3, "/never");
    for (let i = 0; i < 3; i++) peer.data(1, Buffer.alloc(16_384)).data(3, Buffer.alloc(16_384));
    expect((await peer.goaway()).code).toBe(ErrorCode.FlowControlError);
    await small.close();
  });

  it("6.9.2: a change of INITIAL_WINDOW_SIZE moves the windows of all streams, below zero too", async () => {
    const peer = await open(settings([4, 100]));
    peer.get(1, "/big/1000");
    await peer.until("content", () => peer.dataBytes(1) === 100);
    // Now at -60, as seen from 40.
    peer.write(FrameType.Settings, 0, 0, settings([4, 40]));
    peer.windowUpdate(1, 60);
    await peer.alive();
    expect(peer.dataBytes(1)).toBe(100);
    peer.windowUpdate(1, 5);
    await peer.until("content", () => peer.dataBytes(1) === 105);
    peer.write(FrameType.Settings, 0, 0, settings([4, 2_000]));
    expect((await peer.response(1)).body.length).toBe(1_000);
    // The window of the connection is none of it: 65,535 less what was sent.
    peer.get(3, "/big/2000");
    expect((await peer.response(3)).body.length).toBe(2_000);
    peer.destroy();
  });

  it("6.9.2: a change that makes a window larger than 2^31 - 1 is a FLOW_CONTROL_ERROR of the connection", () =>
    ends(
      (peer) =>
        peer
          .get(1, "/never")
          .windowUpdate(1, 1_000)
          .write(FrameType.Settings, 0, 0, settings([4, 2 ** 31 - 1])),
      ErrorCode.FlowControlError,
    ));

  it("6.9.2: new streams begin with the last INITIAL_WINDOW_SIZE", async () => {
    const peer = await open();
    peer.write(FrameType.Settings, 0, 0, settings([4, 3])).get(1, "/big/10");
    await peer.alive();
    expect(peer.dataBytes(1)).toBe(3);
    peer.destroy();
  });

  it("our window is the one that our settings say, and is opened again as content is taken", async () => {
    const wide = await testServer({ endpoint: { initialStreamWindowBytes: 200_000, connectionWindowBytes: 300_000 } });
    const peer = await FramePeer.open(wide.port);
    expect(peer.frames[0]?.payload.includes(settings([4, 200_000]))).toBe(true);
    const opened = await peer.find("an update", ({ type, id }) => type === FrameType.WindowUpdate && id === 0);
    expect(opened.payload.readUInt32BE(0)).toBe(300_000 - 65_535);
    peer.post(1);
    for (let i = 0; i < 12; i++) peer.data(1, Buffer.alloc(16_384));
    await peer.find("an update", ({ type, id }) => type === FrameType.WindowUpdate && id === 1);
    for (let i = 0; i < 12; i++) peer.data(1, Buffer.alloc(10_000));
    peer.data(1, "", Flag.EndStream);
    expect((await peer.response(1)).body).toBe(`${12 * 26_384} bytes`);
    peer.destroy();
    await wide.close();
  });
});

describe("RFC 9113 section 6.10: CONTINUATION", () => {
  it("goes on as often as need be", async () => {
    const peer = await open();
    const bytes = block(request("/", [["x-long", "v".repeat(40_000)]]));
    peer.write(FrameType.Headers, Flag.EndStream, 1, bytes.subarray(0, 16_384));
    peer.write(FrameType.Continuation, 0, 1, bytes.subarray(16_384, 32_768));
    peer.write(FrameType.Continuation, Flag.EndHeaders, 1, bytes.subarray(32_768));
    expect((await peer.response(1)).status).toBe("200");
    peer.destroy();
  });

  it("behind END_HEADERS ends the connection with PROTOCOL_ERROR", () =>
    ends(
      (peer) => peer.post(1).write(FrameType.Continuation, Flag.EndHeaders, 1, block([["x", "y"]])),
      ErrorCode.ProtocolError,
    ));

  it("behind END_HEADERS of another CONTINUATION ends the connection with PROTOCOL_ERROR", () =>
    ends(
      (peer) =>
        peer
          .headers(1, request(), Flag.EndStream)
          .write(FrameType.Continuation, Flag.EndHeaders, 1)
          .write(FrameType.Continuation, Flag.EndHeaders, 1),
      ErrorCode.ProtocolError,
    ));

  it("behind DATA ends the connection with PROTOCOL_ERROR", () =>
    ends(
      (peer) =>
        peer
          .post(1)
          .data(1, "x")
          .write(FrameType.Continuation, Flag.EndHeaders, 1, block([["x", "y"]])),
      ErrorCode.ProtocolError,
    ));

  it("on stream 0 ends the connection with PROTOCOL_ERROR", () =>
    ends(
      (peer) => peer.headers(1, request(), Flag.EndStream).write(FrameType.Continuation, Flag.EndHeaders, 0),
      ErrorCode.ProtocolError,
    ));
});
