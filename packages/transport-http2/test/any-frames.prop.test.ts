import { eventually } from "@weftmesh/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FrameType } from "../src/frame-types.ts";
import { block, FramePeer, frame, type Row, request, settings, uint32 } from "./frame-peer.ts";
import { type TestServer, testServer } from "./test-server.ts";

let served: TestServer;
beforeAll(async () => {
  served = await testServer({ limits: { maxConcurrentStreams: 5, lingerMs: 200 } });
});
afterAll(() => served.close());

const arbId = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(1, 3, 5, 7, 9, 11) },
  fc.constantFrom(0, 2, 2 ** 31 - 1),
);
const arbFlags = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 0x1, 0x4, 0x5) },
  { weight: 1, arbitrary: fc.nat(255) },
);
const arbPath = fc.constantFrom("/", "/collect", "/echo", "/big/100000", "/never", "/trailers", "/status/204");
const arbRows: fc.Arbitrary<Row[]> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(arbPath, fc.constantFrom("GET", "POST", "HEAD"), fc.constantFrom<Row[]>([], [["content-length", "3"]]))
      .map(([path, method, more]) => request(path, more, method)),
  },
  { weight: 1, arbitrary: fc.constantFrom<Row[]>([["x-trailer", "1"]], [["Bad", ""]], [[":status", "200"]]) },
);
const arbPayload = fc.uint8Array({ maxLength: 40 });

/** Frames that are right by themselves, in any order, and now and then one that is not. */
const arbFrame: fc.Arbitrary<Buffer> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(arbId, fc.constantFrom(0x4, 0x5, 0x5, 0x0), arbRows)
      .map(([id, flags, rows]) => frame(FrameType.Headers, flags, id, block(rows))),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(arbId, fc.constantFrom(0, 0, 1), fc.constantFrom(0, 3, 1_000, 16_384))
      .map(([id, flags, length]) => frame(FrameType.Data, flags, id, Buffer.alloc(length))),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(arbId, fc.nat(15)).map(([id, code]) => frame(FrameType.RstStream, 0, id, uint32(code))),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(arbId, fc.constantFrom(1, 1_000, 100_000, 2 ** 31 - 1))
      .map(([id, increment]) => frame(FrameType.WindowUpdate, 0, id, uint32(increment))),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(1, 3, 4, 4, 5, 6, 99), fc.constantFrom(0, 1, 100, 16_384, 100_000))
      .map(([id, value]) => frame(FrameType.Settings, 0, 0, settings([id, value]))),
  },
  { weight: 1, arbitrary: arbPayload.map((bytes) => frame(FrameType.Ping, 0, 0, Buffer.alloc(8, bytes[0] ?? 0))) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(12), arbFlags, arbId, arbPayload)
      .map(([type, flags, id, payload]) => frame(type, flags, id, payload)),
  },
);

describe("a server", () => {
  it("answers to any frames in any order with what HTTP/2 has for them, ends every call, and serves the next client", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbFrame, { maxLength: 40 }), fc.nat(200), async (frames, cut) => {
        served.seen.length = 0;
        const peer = await FramePeer.open(served.port);
        const bytes = Buffer.concat(frames);
        // In two reads, or more.
        peer.raw(bytes.subarray(0, cut));
        await new Promise((resolve) => setImmediate(resolve));
        peer.raw(bytes.subarray(cut));
        // Closes the block that may be open, so that there is an answer.
        await peer.alive().catch(() => peer.goaway());
        const ids = peer.frames.map(({ id }) => id);
        expect(ids.every((id) => id === 0 || (id & 1) === 1)).toBe(true);
        for (const id of new Set(ids.filter((each) => each !== 0))) expectOrder(peer, id);
        peer.destroy();
        await eventually(
          "every call ends once",
          () =>
            served.seen.every(({ ends }) => ends.length === 1) ||
            served.seen.map(({ req, ends }) => `${req.path} ${ends.length}`),
          15_000,
        );
        const next = await FramePeer.open(served.port);
        expect((await next.get(1).response(1)).body).toBe("hello");
        next.destroy();
      }),
      { numRuns: 300 },
    );
  }, 120_000);
});

/** On a stream: interim headers, headers, content, trailers, and nothing behind the end but one RST_STREAM. */
function expectOrder(peer: FramePeer, id: number): void {
  let state = "headers";
  const ours = peer.frames.filter((each) => each.id === id);
  const shown = ours.map((each) => `${each.type} ${each.flags} ${each.payload.toString("hex", 0, 20)}`).join(", ");
  for (const { type, flags } of ours) {
    const ends = (flags & 1) !== 0;
    if (type === FrameType.RstStream) {
      expect(state, shown).not.toBe("reset");
      state = "reset";
    } else if (type === FrameType.Headers) {
      expect(["headers", "content"], shown).toContain(state);
      state = ends ? "ended" : "content";
    } else if (type === FrameType.Data) {
      expect(state, shown).toBe("content");
      if (ends) state = "ended";
    } else if (type === FrameType.WindowUpdate) expect(state, shown).not.toBe("reset");
  }
}
