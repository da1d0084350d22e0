import { type Body, type BodySink, BodyTooLongError, bytesBody, collectBody, type Flow } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** Gives its chunks within `pipe` or, when `late`, afterwards; uses one buffer for all of them. */
class Chunks implements Body {
  readonly length: number | undefined;
  stopped: Error | undefined;
  given = 0;
  readonly #chunks: readonly Uint8Array[];
  readonly #late: boolean;

  constructor(chunks: readonly Uint8Array[], late: boolean, length?: number) {
    this.#chunks = chunks;
    this.#late = late;
    this.length = length;
  }

  pipe(sink: BodySink): Flow {
    if (this.#late) queueMicrotask(() => this.#give(sink));
    else this.#give(sink);
    const stop = (reason: Error): void => {
      this.stopped = reason;
    };
    return { resume: () => {}, stop };
  }

  #give(sink: BodySink): void {
    for (const chunk of this.#chunks) {
      if (this.stopped !== undefined) return;
      const lent = Buffer.from(chunk);
      this.given++;
      sink.onData(lent);
      lent.fill(0);
    }
    if (this.stopped === undefined) sink.onEnd(undefined);
  }
}

const arbChunks = fc.array(
  fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 900, maxLength: 1200 })),
  {
    maxLength: 10,
  },
);

describe("collectBody", () => {
  it("gives every byte up to the limit, and refuses the first one beyond it", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbChunks,
        fc.integer({ min: -3, max: 3 }),
        fc.boolean(),
        fc.boolean(),
        async (chunks, slack, late, known) => {
          const content = Buffer.concat(chunks);
          const maxBytes = Math.max(content.length + slack, 0);
          const body = new Chunks(chunks, late, known ? content.length : undefined);
          const collected = collectBody(body, maxBytes);
          if (content.length <= maxBytes) {
            expect((await collected).equals(content)).toBe(true);
            expect(body.stopped).toBeUndefined();
          } else {
            await expect(collected).rejects.toMatchObject({ code: "WEFT_PROTOCOL_BODY_TOO_LONG", maxBytes });
            expect(body.stopped).toBeInstanceOf(BodyTooLongError);
          }
        },
      ),
    );
  });

  it("fails as its source fails", async () => {
    const failing: Body = {
      length: undefined,
      pipe: (sink) => {
        sink.onData(Buffer.from("half"));
        sink.onError(new Error("gone"));
        return { resume: () => {}, stop: () => {} };
      },
    };
    await expect(collectBody(failing, 100)).rejects.toThrow("gone");
  });

  it("does not even read a body that says it is too long", async () => {
    const body = new Chunks([new Uint8Array(10)], true, 10);
    await expect(collectBody(body, 9)).rejects.toBeInstanceOf(BodyTooLongError);
    expect(body.given).toBe(0);
    await expect(collectBody(bytesBody(new Uint8Array(10)), 9)).rejects.toBeInstanceOf(BodyTooLongError);
  });

  it("holds a body of single bytes in about its own size", async () => {
    const byte = new Uint8Array(1);
    const before = process.memoryUsage().arrayBuffers;
    const bytes = await collectBody(new Chunks(new Array<Uint8Array>(300_000).fill(byte), true), 1_000_000);
    expect(bytes.length).toBe(300_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
  });
});
