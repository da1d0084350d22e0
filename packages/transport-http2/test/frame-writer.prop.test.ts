import { HeaderEncoder } from "@weftmesh/hpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Flag, FrameType } from "../src/frame-types.ts";
import { type FramePlace, FrameWriter } from "../src/frame-writer.ts";
import { Peer } from "./frames.ts";
import { MemoryWire } from "./memory-wire.ts";

type Step =
  | { readonly kind: "data" | "headers"; readonly id: number; readonly length: number }
  | { readonly kind: "end"; readonly id: number }
  | { readonly kind: "turn" };

const arbId = fc.constantFrom(1, 3, 5);
const arbStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("data" as const, "headers" as const),
      id: arbId,
      length: fc.oneof(fc.nat(60), fc.constantFrom(16_375, 16_384)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("end" as const), id: arbId }) },
  { weight: 2, arbitrary: fc.constant({ kind: "turn" as const }) },
);

describe("FrameWriter", () => {
  it("ends a stream with its last frame as long as that has not left, and changes no other", () => {
    fc.assert(
      fc.property(fc.array(arbStep, { maxLength: 40 }), (steps) => {
        const wire = new MemoryWire(1e9);
        const peer = new Peer();
        wire.onFlush = (bytes) => peer.hear(bytes);
        const frames = new FrameWriter(wire);
        const encoder = new HeaderEncoder();
        const places = new Map<number, FramePlace>();
        /** What should be heard, and which of it has not left. */
        const expected: { type: number; id: number; length: number; end: boolean; turn: number }[] = [];
        let turn = 0;
        for (const step of steps) {
          if (step.kind === "turn") {
            wire.flush();
            turn++;
          } else if (step.kind === "end") {
            const place = places.get(step.id) ?? { at: -1, base: 0 };
            const last = expected.findLast(({ id }) => id === step.id);
            const ends = frames.endStreamAt(place);
            expect(ends).toBe(last?.turn === turn);
            if (ends && last !== undefined) last.end = true;
          } else {
            const { id, length } = step;
            const place = places.get(id) ?? { at: -1, base: 0 };
            places.set(id, place);
            if (step.kind === "data") {
              frames.data(id, false, Buffer.alloc(length, id), 0, length, place);
              expected.push({ type: FrameType.Data, id, length, end: false, turn });
            } else {
              encoder.begin();
              encoder.pair("x", "v".repeat(Math.min(length, 60)));
              expected.push({ type: FrameType.Headers, id, length: encoder.length, end: false, turn });
              frames.headers(id, false, encoder, place);
            }
          }
        }
        wire.flush();
        expect(
          peer.frames.map(({ type, id, payload, flags }) => [type, id, payload.length, (flags & Flag.EndStream) !== 0]),
        ).toEqual(expected.map(({ type, id, length, end }) => [type, id, length, end]));
        for (const { type, id, payload } of peer.frames) {
          if (type === FrameType.Data) expect(payload.equals(Buffer.alloc(payload.length, id))).toBe(true);
        }
      }),
      { numRuns: Number(process.env["WEFT_RUNS"] ?? 300) },
    );
  });

  it("writes a long header block as HEADERS and CONTINUATIONs of at most 16,384 bytes", () => {
    const wire = new MemoryWire(1e9);
    const peer = new Peer();
    wire.onFlush = (bytes) => peer.hear(bytes);
    const frames = new FrameWriter(wire);
    const encoder = new HeaderEncoder();
    encoder.begin();
    for (let i = 0; i < 40; i++) encoder.pair(`x-${i}`, "~".repeat(1_000));
    const block = Buffer.from(encoder.bytes.subarray(0, encoder.length));
    frames.headers(7, true, encoder, { at: -1, base: 0 });
    wire.flush();
    expect(peer.frames.map(({ type, flags, id, payload }) => [type, flags, id, payload.length])).toEqual([
      [FrameType.Headers, Flag.EndStream, 7, 16_384],
      [FrameType.Continuation, 0, 7, 16_384],
      [FrameType.Continuation, Flag.EndHeaders, 7, block.length - 32_768],
    ]);
    expect(Buffer.concat(peer.frames.map(({ payload }) => payload)).equals(block)).toBe(true);
  });
});
