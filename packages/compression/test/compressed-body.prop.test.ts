import { gunzipSync, inflateSync } from "node:zlib";
import { type BodySink, emptyBody, type Flow, Full, Headers, Retained, Taken } from "@weftmesh/http";
import { eventually, MemoryStats, PushBody, RecordingSink, testError } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compressedBody, wholeBytes } from "../src/compressed-body.ts";
import type { ContentCoding } from "../src/content-coding.ts";

const decoded = { gzip: gunzipSync, deflate: inflateSync } as const;
const arbCoding = fc.constantFrom<ContentCoding>("gzip", "deflate");
const arbLevel = fc.integer({ min: 1, max: 9 });
/** Chunks that compress well, badly and not at all, some of them longer than what is compressed in one piece. */
const arbChunk = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc
    .tuple(fc.nat(255), fc.integer({ min: 1, max: 2 * wholeBytes }))
    .map(([byte, length]) => new Uint8Array(length).fill(byte)),
);
const arbChunks = fc.array(arbChunk, { maxLength: 8 });
const runs = { numRuns: 60 };

function made(source: PushBody, coding: ContentCoding, level = 6) {
  const stats = new MemoryStats();
  let overs = 0;
  const body = compressedBody(source, {
    coding,
    level,
    bytesIn: stats.counter("in"),
    bytesOut: stats.counter("out"),
    onOver: () => overs++,
  });
  return { body, stats, overs: () => overs };
}

/** Uses the memory of a chunk again as soon as it may. */
class LendingBody extends PushBody {
  override pipe(sink: BodySink): Flow {
    return super.pipe({
      onData: (chunk) => {
        const answer = sink.onData(chunk);
        if ((answer & Retained) === 0) chunk.fill(0xaa);
        return answer;
      },
      onEnd: (trailers) => sink.onEnd(trailers),
      onError: (error) => sink.onError(error),
    });
  }
}

/** Pushes as a well-behaved source: waits while the sink is full. */
async function feed(source: PushBody, chunks: readonly Uint8Array[]): Promise<void> {
  for (const chunk of chunks) {
    await source.writable();
    if (source.stopped !== undefined) return;
    source.push(Uint8Array.from(chunk));
  }
}

/** Answers as it is told, and notes what comes while it is full. */
class SlowSink extends RecordingSink implements BodySink {
  readonly #answers: readonly number[];
  #n = 0;
  full = false;
  broken = 0;

  constructor(answers: readonly number[]) {
    super();
    this.#answers = answers;
  }

  override onData(chunk: Uint8Array): number {
    if (this.full) this.broken++;
    const answer = this.#answers[this.#n++ % this.#answers.length] ?? Taken;
    this.answer = answer;
    super.onData(chunk);
    this.full = (answer & Full) !== 0;
    return answer;
  }
}

describe("a compressed body", () => {
  it("reads as what it was made of, however that was cut, whatever the pauses", async () => {
    const arbAnswers = fc.array(fc.constantFrom(Taken, Retained, Full, Full | Retained), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(
        arbChunks,
        arbCoding,
        arbLevel,
        fc.boolean(),
        arbAnswers,
        async (chunks, coding, level, known, answers) => {
          const content = Buffer.concat(chunks);
          const source = new LendingBody(known ? content.length : undefined);
          const { body, stats, overs } = made(source, coding, level);
          expect(body.length).toBeUndefined();
          const sink = new SlowSink(answers);
          const flow: Flow = body.pipe(sink);
          const trailers = new Headers();
          void feed(source, chunks).then(() => source.end(trailers));
          await eventually("the end", () => {
            if (sink.full) {
              sink.full = false;
              flow.resume();
            }
            return sink.over;
          });
          expect([sink.error, sink.late, sink.broken]).toEqual([undefined, [], 0]);
          expect(decoded[coding](sink.content()).equals(content)).toBe(true);
          expect(sink.trailers).toBe(trailers);
          expect([stats.readCounter("in"), stats.readCounter("out"), overs()]).toEqual([content.length, sink.bytes, 1]);
        },
      ),
      runs,
    );
  });

  it("says nothing more after a stop, stops its source, and is over once", async () => {
    await fc.assert(
      fc.asyncProperty(arbChunks, arbCoding, fc.boolean(), fc.nat(4), async (chunks, coding, known, turns) => {
        const source = new PushBody(known ? Buffer.concat(chunks).length : undefined);
        const { body, overs } = made(source, coding);
        const sink = new RecordingSink();
        const flow = body.pipe(sink);
        void feed(source, chunks);
        for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
        const reason = testError("enough");
        const before = sink.bytes;
        flow.stop(reason);
        flow.stop(testError("again"));
        for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
        expect([sink.over, sink.bytes, overs()]).toEqual([false, before, 1]);
        expect(source.stopped).toBe(reason);
      }),
      runs,
    );
  });

  it("fails when its source does, and is never taken for whole", async () => {
    await fc.assert(
      fc.asyncProperty(arbChunks, arbCoding, fc.boolean(), async (chunks, coding, known) => {
        const source = new PushBody(known ? Buffer.concat(chunks).length + 1 : undefined);
        const { body, overs } = made(source, coding);
        const sink = RecordingSink.of(body);
        const error = testError("the backend left");
        void feed(source, chunks).then(() => source.fail(error));
        await eventually("the failure", () => sink.over);
        expect([sink.error, sink.ended, overs()]).toEqual([error, false, 1]);
      }),
      runs,
    );
  });

  it("holds one chunk and what its sink has not taken, no more", async () => {
    const source = new PushBody();
    const { body } = made(source, "gzip");
    const sink = RecordingSink.of(body, Full);
    // What cannot be compressed: as much comes out as goes in.
    const noise = Array.from({ length: 200 }, (_, i) =>
      Buffer.alloc(16_384, 0).map((_, k) => (k * 2_654_435_761 * (i + 1)) >>> 13),
    );
    void feed(source, noise);
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(source.sent).toBeLessThan(20 * 16_384);
    sink.stop(testError("enough"));
  });

  it("pushes out what it has when nothing follows", async () => {
    const source = new PushBody();
    const { body } = made(source, "gzip");
    const sink = RecordingSink.of(body);
    for (const event of ["data: one\n\n", "data: two\n\n"]) {
      await source.writable();
      source.push(Buffer.from(event));
      const at = sink.bytes;
      await eventually("the event", () => sink.bytes > at + 5);
    }
    source.end();
    await eventually("the end", () => sink.over);
    expect(gunzipSync(sink.content()).toString()).toBe("data: one\n\ndata: two\n\n");
  });

  it("A5: fails when a body is longer than it said", async () => {
    const source = new PushBody(3);
    const { body, overs } = made(source, "gzip");
    const sink = RecordingSink.of(body);
    source.push(Buffer.from("four"));
    expect(sink.error).toMatchObject({ code: "WEFT_PROTOCOL_FRAMING" });
    expect([sink.bytes, overs()]).toEqual([0, 1]);
    expect(RecordingSink.of(emptyBody).ended).toBe(true);
  });
});
