import { type Body, type BodySink, type Flow, Full, type Headers, Retained, Taken } from "@weftmesh/http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settle } from "../manual-clock.ts";
import { testError } from "../scripted-service.ts";

export interface BodyCase {
  /** A body that gives the content of these chunks, in this or any other cut, and ends. */
  make(chunks: readonly Uint8Array[]): Body | Promise<Body>;
  /** Lets a source that waits for input go on; a turn of the event loop if not given. */
  readonly turn?: () => Promise<void>;
  /** Runs of each property; 100 if not given. */
  readonly numRuns?: number;
}

/** Answers by a pattern that repeats, resumes some turns after it said full, and writes down what breaks the rules. */
class PatternSink implements BodySink {
  readonly broken: string[] = [];
  readonly #chunks: Uint8Array[] = [];
  readonly #pattern: readonly number[];
  #heard = 0;
  #full = false;
  ends = 0;
  stopped = false;
  trailers: Headers | undefined = undefined;

  readonly takesSlices: boolean;

  constructor(pattern: readonly number[], takesSlices: boolean) {
    this.#pattern = pattern;
    this.takesSlices = takesSlices;
  }

  get full(): boolean {
    return this.#full;
  }

  get heard(): number {
    return this.#heard;
  }

  onData(chunk: Uint8Array): number {
    if (this.ends > 0) this.broken.push("data after the end");
    if (this.stopped) this.broken.push("data after stop");
    if (this.#full) this.broken.push("data while full");
    const answer = this.#pattern[this.#heard++ % this.#pattern.length] ?? Taken;
    this.#chunks.push((answer & Retained) !== 0 ? chunk : Uint8Array.from(chunk));
    this.#full = (answer & Full) !== 0;
    return answer;
  }

  onSlice(bytes: Uint8Array, start: number, end: number): number {
    if (!this.takesSlices) this.broken.push("a slice for a sink that takes none");
    return this.onData(bytes.slice(start, end)) & ~Retained;
  }

  onEnd(trailers: Headers | undefined): void {
    this.#over("end");
    this.trailers = trailers;
  }

  onError(error: Error): void {
    this.#over(`error ${error.message}`);
    this.broken.push(`it failed: ${error.message}`);
  }

  resume(flow: Flow): void {
    this.#full = false;
    flow.resume();
  }

  content(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  #over(what: string): void {
    if (this.ends++ > 0) this.broken.push(`${what} after the end`);
    if (this.stopped) this.broken.push(`${what} after stop`);
  }
}

/** More turns without an event than any source needs. */
const patience = 200;

/**
 * What every body owes its sink: the same bytes whatever the chunks and pauses, no bytes while it is full, one end, and
 * nothing after that or after a stop. The end itself may come to a full sink.
 */
export function describeBody(name: string, body: BodyCase): void {
  const turn = body.turn ?? settle;
  const runs = { numRuns: body.numRuns ?? 100 };
  const arbChunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
  const arbPattern = fc.array(fc.constantFrom(Taken, Taken, Retained, Full, Full + Retained), {
    minLength: 1,
    maxLength: 5,
  });

  async function drive(sink: PatternSink, flow: Flow, delay: number, until: () => boolean): Promise<void> {
    let heard = -1;
    for (let quiet = 0; quiet < patience && !until(); quiet++) {
      for (let i = 0; i < delay; i++) await turn();
      if (sink.full) sink.resume(flow);
      else await turn();
      if (sink.heard !== heard) quiet = 0;
      heard = sink.heard;
    }
  }

  describe(`body ${name}`, () => {
    it("gives the same bytes whatever the chunks and pauses, and ends once", async () => {
      await fc.assert(
        fc.asyncProperty(arbChunks, arbPattern, fc.nat(3), fc.boolean(), async (chunks, pattern, delay, slices) => {
          const sink = new PatternSink(pattern, slices);
          const flow = (await body.make(chunks)).pipe(sink);
          await drive(sink, flow, delay, () => sink.ends > 0);
          flow.resume();
          for (let i = 0; i < 3; i++) await turn();
          expect(sink.broken).toEqual([]);
          expect(sink.ends).toBe(1);
          expect(sink.content().equals(Buffer.concat(chunks))).toBe(true);
        }),
        runs,
      );
    });

    it("says nothing more after a stop", async () => {
      await fc.assert(
        fc.asyncProperty(arbChunks, arbPattern, fc.nat(8), fc.boolean(), async (chunks, pattern, after, slices) => {
          const sink = new PatternSink(pattern, slices);
          const flow = (await body.make(chunks)).pipe(sink);
          await drive(sink, flow, 0, () => sink.ends > 0 || sink.heard >= after);
          sink.stopped = sink.ends === 0;
          flow.stop(testError("seen enough"));
          for (let i = 0; i < 3; i++) await turn();
          flow.resume();
          for (let i = 0; i < 3; i++) await turn();
          expect(sink.broken).toEqual([]);
        }),
        runs,
      );
    });

    it("tells a length that is true, or none", async () => {
      await fc.assert(
        fc.asyncProperty(arbChunks, async (chunks) => {
          const made = await body.make(chunks);
          const { length } = made;
          const sink = new PatternSink([Taken], false);
          const flow = made.pipe(sink);
          await drive(sink, flow, 0, () => sink.ends > 0);
          if (length !== undefined) expect(length).toBe(Buffer.concat(chunks).length);
        }),
        runs,
      );
    });
  });
}
