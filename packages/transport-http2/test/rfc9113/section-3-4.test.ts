import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorCode, Flag, FrameType } from "../../src/frame-types.ts";
import { block, FramePeer, frame, request, settings } from "../frame-peer.ts";
import { type Seen, type TestServer, testServer } from "../test-server.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const get = frame(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, 1, block(request()));

let served: TestServer;
beforeAll(async () => {
  served = await testServer();
});
afterAll(() => served.close());

const start = (): FramePeer => FramePeer.to(served.port);
const open = (): Promise<FramePeer> => FramePeer.open(served.port);

/** What is sent ends the connection with that code. */
async function ends(peer: FramePeer, code: number): Promise<void> {
  expect((await peer.goaway()).code).toBe(code);
}

describe("RFC 9113 section 3.4: the connection preface", () => {
  it("the server's first frame is SETTINGS, which is no acknowledgement", async () => {
    const peer = await open();
    expect(peer.frames[0]).toMatchObject({ type: FrameType.Settings, id: 0, flags: 0 });
    peer.destroy();
  });

  it("requests may follow the preface at once, before anything of the server's has come", async () => {
    const peer = start();
    peer.raw(Buffer.concat([preface, frame(FrameType.Settings, 0, 0), get]));
    expect((await peer.response(1)).body).toBe("hello");
    peer.destroy();
  });

  it("the preface, the settings and a request may come octet by octet", async () => {
    const peer = start();
    // An acknowledgement would stand within the preface.
    peer.polite = false;
    for (const octet of Buffer.concat([preface, frame(FrameType.Settings, 0, 0), get])) {
      peer.raw(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await peer.response(1)).status).toBe("200");
    peer.destroy();
  });

  it("the client's settings are acknowledged", async () => {
    const peer = await open();
    expect(peer.frames.filter(({ type, flags }) => type === FrameType.Settings && flags === Flag.Ack).length).toBe(1);
    peer.destroy();
  });

  for (const [what, bytes] of [
    ["another method", "GET * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["a request of HTTP/1.1", "GET / HTTP/1.1\r\nHost: web\r\n\r\n"],
    ["a preface with one wrong octet at its end", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"],
  ] as const) {
    it(`${what} in place of the preface ends the connection`, async () => {
      const before = served.seen.length;
      const peer = start();
      peer.raw(Buffer.concat([Buffer.from(bytes), frame(FrameType.Settings, 0, 0), get]));
      await peer.gone();
      expect(served.seen.length).toBe(before);
    });
  }

  it("the first frame of the client is SETTINGS", async () => {
    const peer = start();
    peer.raw(Buffer.concat([preface, get]));
    await ends(peer, ErrorCode.ProtocolError);
  });

  it("the first frame of the client is no acknowledgement of SETTINGS", async () => {
    const peer = start();
    peer.raw(Buffer.concat([preface, frame(FrameType.Settings, Flag.Ack, 0)]));
    await ends(peer, ErrorCode.ProtocolError);
  });
});

describe("RFC 9113 section 4.1: the frame format", () => {
  it("frames of unknown types are ignored, on the connection and on streams", async () => {
    const peer = await open();
    peer.write(0x16, 0xff, 0, Buffer.alloc(8)).write(0xfa, 0, 1, Buffer.alloc(100)).post(1);
    peer.write(0x0a, 0x01, 1, Buffer.alloc(9)).data(1, "abc", Flag.EndStream);
    expect((await peer.response(1)).body).toBe("3 bytes");
    peer.destroy();
  });

  it("flags that a frame does not define are ignored", async () => {
    const peer = await open();
    peer.write(FrameType.Ping, 0xfe, 0, Buffer.from("unusedfl"));
    await peer.find("an answer", (each) => each.type === FrameType.Ping && each.payload.toString() === "unusedfl");
    peer.headers(1, request(), Flag.EndHeaders | Flag.EndStream | 0xc2);
    expect((await peer.response(1)).status).toBe("200");
    peer.destroy();
  });

  it("the reserved bit of a stream's number is ignored, and never set", async () => {
    const peer = await open();
    peer.write(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, 0x80000001, block(request()));
    expect((await peer.response(1)).status).toBe("200");
    expect(peer.frames.every(({ id }) => id < 0x80000000)).toBe(true);
    peer.destroy();
  });
});

describe("RFC 9113 section 4.2: the size of frames", () => {
  it("a frame of 16,384 octets is taken", async () => {
    const peer = await open();
    peer.post(1).data(1, Buffer.alloc(16_384), Flag.EndStream);
    expect((await peer.response(1)).body).toBe("16384 bytes");
    peer.destroy();
  });

  for (const [name, type] of Object.entries(FrameType)) {
    it(`a ${name} frame of 16,385 octets ends the connection with FRAME_SIZE_ERROR`, async () => {
      const peer = await open();
      peer.post(1).write(type, Flag.EndHeaders, type === FrameType.Settings ? 0 : 1, Buffer.alloc(16_385));
      await ends(peer, ErrorCode.FrameSizeError);
    });
  }

  it("a larger frame is taken where our settings allow it", async () => {
    const large = await testServer({ endpoint: { maxFrameBytes: 60_000 } });
    const peer = await FramePeer.open(large.port);
    const offered = peer.frames[0]?.payload as Buffer;
    expect(offered.includes(settings([5, 60_000]))).toBe(true);
    peer.post(1).data(1, Buffer.alloc(60_000), Flag.EndStream);
    expect((await peer.response(1)).body).toBe("60000 bytes");
    peer.destroy();
    await large.close();
  });

  it("no frame of ours is larger than the client's SETTINGS_MAX_FRAME_SIZE, header blocks included", async () => {
    const peer = await FramePeer.open(served.port, settings([4, 1_000_000], [5, 16_384]));
    peer.windowUpdate(0, 1_000_000).get(1, "/big/100000").get(3, "/headers/40000");
    expect((await peer.response(1)).body.length).toBe(100_000);
    const { lists } = await peer.response(3);
    expect(lists[0]?.find(([name]) => name === "x-long")?.[1]?.length).toBe(40_000);
    expect(Math.max(...peer.frames.map(({ payload }) => payload.length))).toBeLessThanOrEqual(16_384);
    peer.destroy();
  });
});

describe("RFC 9113 section 4.3: header blocks", () => {
  it("a block that cannot be decoded ends the connection with COMPRESSION_ERROR", async () => {
    const peer = await open();
    peer.write(
      FrameType.Headers,
      Flag.EndHeaders | Flag.EndStream,
      1,
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    );
    await ends(peer, ErrorCode.CompressionError);
  });

  it("a block that ends within a field ends the connection with COMPRESSION_ERROR", async () => {
    const peer = await open();
    peer.write(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, 1, block(request()).subarray(0, -1));
    await ends(peer, ErrorCode.CompressionError);
  });

  for (const [what, stray] of [
    ["a frame of another type", frame(FrameType.Ping, 0, 0, Buffer.alloc(8))],
    ["HEADERS of another stream", frame(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, 3, block(request()))],
    ["CONTINUATION of another stream", frame(FrameType.Continuation, Flag.EndHeaders, 3)],
    ["DATA of the same stream", frame(FrameType.Data, Flag.EndStream, 1)],
    ["PRIORITY of the same stream", frame(FrameType.Priority, 0, 1, Buffer.from([0, 0, 0, 0, 1]))],
    ["a frame of an unknown type", frame(0x20, 0, 1)],
  ] as const) {
    it(`${what} within a header block ends the connection with PROTOCOL_ERROR`, async () => {
      const peer = await open();
      peer.headers(1, request(), Flag.EndStream).raw(stray);
      await ends(peer, ErrorCode.ProtocolError);
    });
  }

  it("a block in many pieces, empty ones among them, is one block", async () => {
    const peer = await open();
    const bytes = block(request("/", [["x-more", "yes"]]));
    peer.write(FrameType.Headers, Flag.EndStream, 1);
    for (const octet of bytes) peer.write(FrameType.Continuation, 0, 1, Buffer.from([octet]));
    peer.write(FrameType.Continuation, 0, 1).write(FrameType.Continuation, Flag.EndHeaders, 1);
    expect((await peer.response(1)).status).toBe("200");
    expect(served.seen.at(-1)?.req.headers.get("x-more")).toBe("yes");
    peer.destroy();
  });

  it("the table stays in step over blocks of streams that are refused, malformed or gone", async () => {
    const small = await testServer({ limits: { maxConcurrentStreams: 1 } });
    const peer = await FramePeer.open(small.port);
    const indexed = (name: string, value: string): Buffer =>
      Buffer.concat([
        Buffer.from([0x40, name.length]),
        Buffer.from(name),
        Buffer.from([value.length]),
        Buffer.from(value),
      ]);
    const send = (id: number, bytes: Buffer): void => {
      peer.write(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, id, bytes);
    };
    peer.get(1, "/never");
    await peer.alive();
    send(3, Buffer.concat([block(request()), indexed("x-a", "refused")]));
    send(5, Buffer.concat([block([[":bad", ""]]), indexed("x-b", "malformed")]));
    await peer.resetOf(5);
    peer.reset(1, ErrorCode.Cancel);
    // The newest entry first.
    send(7, Buffer.concat([block(request()), Buffer.from([0xbe, 0xbf])]));
    expect((await peer.response(7)).status).toBe("200");
    const { req } = small.seen.at(-1) as Seen;
    expect([...req.headers]).toEqual([
      ["x-b", "malformed"],
      ["x-a", "refused"],
    ]);
    peer.destroy();
    await small.close();
  });

  it("our own table obeys the client's SETTINGS_HEADER_TABLE_SIZE, from the next block on", async () => {
    const peer = await open();
    for (const id of [1, 3, 5]) await peer.get(id).response(id);
    peer.write(FrameType.Settings, 0, 0, settings([1, 0]));
    await peer.alive();
    peer.get(7);
    const { payload } = await peer.find("a response", ({ type, id }) => type === FrameType.Headers && id === 7);
    expect(payload[0]).toBe(0x20);
    expect(peer.decoder.tableBytes).toBe(0);
    expect((await peer.get(9).response(9)).lists).toEqual(peer.message(1).lists);
    peer.destroy();
  });

  it("a table that shrinks and grows again within one SETTINGS frame is emptied", async () => {
    const peer = await open();
    for (const id of [1, 3, 5]) await peer.get(id).response(id);
    peer.write(FrameType.Settings, 0, 0, settings([1, 0], [1, 4_096]));
    await peer.alive();
    peer.get(7);
    const { payload } = await peer.find("a response", ({ type, id }) => type === FrameType.Headers && id === 7);
    expect(payload.subarray(0, 4).toString("hex")).toBe("203fe11f");
    peer.destroy();
  });

  it("B11: a change of the table's size that goes beyond our setting is a COMPRESSION_ERROR", async () => {
    const peer = await open();
    peer.write(FrameType.Headers, Flag.EndHeaders | Flag.EndStream, 1, Buffer.from("3fe21f", "hex"));
    await ends(peer, ErrorCode.CompressionError);
  });
});
