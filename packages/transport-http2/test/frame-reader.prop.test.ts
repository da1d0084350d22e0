import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConnectionFault } from "../src/errors.ts";
import { type FrameHandler, FrameReader } from "../src/frame-reader.ts";
import { codeName, FrameType } from "../src/frame-types.ts";
import { data, frame, goaway, ping, reset, settings, settingsAck, uint32, windowUpdate } from "./frames.ts";

const limits = { maxFrameBytes: 16_384, maxBlockBytes: 65_536, maxBlockFrames: 1_000 };

/** Writes down what it hears; the pieces of one DATA frame as one. */
class Heard implements FrameHandler {
  readonly events: string[] = [];
  reader: FrameReader | undefined = undefined;
  private content = "";

  onDataFrame(id: number, length: number): void {
    this.events.push(`data ${id} ${length}`);
    this.content = "";
  }

  onDataBytes(bytes: Buffer, start: number, end: number): void {
    this.content += bytes.toString("latin1", start, end);
  }

  onDataEnd(endStream: boolean): void {
    this.events.push(`content ${this.content} ${endStream}`);
  }

  onHeaders(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const { dependsOnItself } = this.reader as FrameReader;
    this.events.push(`headers ${id} ${endStream} ${dependsOnItself} ${bytes.toString("hex", start, end)}`);
  }

  onPriority(id: number, dependsOn: number, isValid: boolean): void {
    this.events.push(`priority ${id} ${dependsOn} ${isValid}`);
  }

  onReset(id: number, code: number): void {
    this.events.push(`reset ${id} ${code}`);
  }

  onSettings(ack: boolean, bytes: Buffer, start: number, end: number): void {
    this.events.push(`settings ${ack} ${bytes.toString("hex", start, end)}`);
  }

  onPing(ack: boolean, bytes: Buffer, start: number): void {
    this.events.push(`ping ${ack} ${bytes.toString("hex", start, start + 8)}`);
  }

  onGoaway(lastId: number, code: number, bytes: Buffer, start: number, end: number): void {
    this.events.push(`goaway ${lastId} ${code} ${bytes.toString("hex", start, end)}`);
  }

  onWindowUpdate(id: number, increment: number): void {
    this.events.push(`window ${id} ${increment}`);
  }

  onUnknown(type: number): void {
    this.events.push(`unknown ${type}`);
  }
}

function read(bytes: Buffer, cuts: readonly number[]): string[] {
  const heard = new Heard();
  const reader = new FrameReader(heard, limits);
  heard.reader = reader;
  let start = 0;
  try {
    for (const cut of [...cuts, bytes.length]) {
      // Memory of another read follows behind each piece.
      const memory = Buffer.alloc(cut - start + 40, 0x21);
      bytes.copy(memory, 5, start, cut);
      reader.read(memory, 5, 5 + cut - start);
      memory.fill(0x3f);
      start = cut;
    }
    heard.events.push(`within ${reader.isWithin}`);
  } catch (error) {
    if (!(error instanceof ConnectionFault)) throw error;
    heard.events.push(`fault ${codeName(error.http2Code)}`);
  }
  return heard.events;
}

const arbId = fc.constantFrom(0, 1, 2, 3, 5, 2 ** 31 - 1);
const arbStream = fc.constantFrom(1, 3, 5);
const arbBytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
/** A header block in some frames. */
const arbBlock = fc
  .tuple(
    arbStream,
    fc.array(arbBytes(30), { minLength: 1, maxLength: 4 }),
    fc.boolean(),
    fc.option(fc.nat(20)),
    fc.option(arbStream),
  )
  .map(([id, parts, endStream, pad, dependsOn]) =>
    Buffer.concat(
      parts.map((part, i) => {
        const last = i === parts.length - 1 ? 0x4 : 0;
        if (i > 0) return frame(FrameType.Continuation, last, id, part);
        const before = dependsOn === null ? [] : [uint32(dependsOn), Buffer.from([7])];
        const inside = Buffer.concat([...before, part]);
        const padded = pad === null ? inside : Buffer.concat([Buffer.from([pad]), inside, Buffer.alloc(pad)]);
        const flags = last | (endStream ? 0x1 : 0) | (dependsOn === null ? 0 : 0x20) | (pad === null ? 0 : 0x8);
        return frame(FrameType.Headers, flags, id, padded);
      }),
    ),
  );
const arbValid = fc
  .oneof({
    weight: 4,
    arbitrary: fc.tuple(arbStream, arbBytes(60), fc.boolean(), fc.option(fc.nat(30), { nil: undefined })),
  })
  .map(([id, content, end, pad]) => data(id, content, end, pad));
const arbFrame = fc.oneof(
  { weight: 4, arbitrary: arbValid },
  { weight: 3, arbitrary: arbBlock },
  fc.tuple(arbId, fc.nat(2 ** 31 - 1)).map(([id, increment]) => windowUpdate(id, increment)),
  fc.tuple(arbStream, fc.nat(20)).map(([id, code]) => reset(id, code)),
  fc.array(fc.tuple(fc.nat(9), fc.nat(2 ** 30)), { maxLength: 3 }).map((pairs) => settings(...pairs)),
  fc.constant(settingsAck),
  fc.boolean().map((ack) => ping(ack)),
  fc.tuple(arbId, fc.nat(13)).map(([id, code]) => goaway(id, code)),
  fc.tuple(fc.integer({ min: 10, max: 255 }), fc.nat(255), arbId, arbBytes(30)).map((all) => frame(...all)),
  fc
    .tuple(arbStream, arbStream)
    .map(([id, on]) => frame(FrameType.Priority, 0, id, Buffer.concat([uint32(on), Buffer.from([3])]))),
  // Anything at all, which is a fault as a rule.
  { weight: 1, arbitrary: fc.tuple(fc.nat(12), fc.nat(255), arbId, arbBytes(30)).map((all) => frame(...all)) },
);

describe("FrameReader", () => {
  it("tells the same of frames however their bytes are split", () => {
    fc.assert(
      fc.property(fc.array(arbFrame, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 30 }), (frames, at) => {
        const bytes = Buffer.concat([settings(), ...frames]);
        const cuts = at.map((each) => each % (bytes.length + 1)).sort((a, b) => a - b);
        expect(read(bytes, cuts)).toEqual(read(bytes, []));
      }),
      { numRuns: Number(process.env["WEFT_RUNS"] ?? 500) },
    );
  });

  it("tells the same of frames whose bytes come one by one", () => {
    fc.assert(
      fc.property(fc.array(arbFrame, { maxLength: 6 }), (frames) => {
        const bytes = Buffer.concat([settings(), ...frames]);
        const cuts = Array.from({ length: bytes.length }, (_, i) => i);
        expect(read(bytes, cuts)).toEqual(read(bytes, []));
      }),
      { numRuns: Number(process.env["WEFT_RUNS"] ?? 200) },
    );
  });

  it("takes frames apart as they were put together", () => {
    const bytes = Buffer.concat([
      settings([4, 1]),
      data(1, "hello", true, 3),
      frame(FrameType.Headers, 0x1, 3, Buffer.from([1, 2])),
      frame(FrameType.Continuation, 0x4, 3, Buffer.from([3])),
      windowUpdate(5, 7),
      frame(0xbe, 0, 9, Buffer.alloc(4)),
    ]);
    expect(read(bytes, [])).toEqual([
      "settings false 000400000001",
      "data 1 9",
      "content hello true",
      "headers 3 true false 010203",
      "window 5 7",
      "unknown 190",
      "within false",
    ]);
  });
});
