import { ManualClock, settle } from "@weftmesh/testkit";
import { hostilePayloads, validPayloads } from "@weftmesh/testkit/http1-payloads";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryServer } from "./memory-server.ts";
import { Recorder } from "./recorder.ts";

/** What a connection makes of pieces of bytes: all that a client or a service could tell a difference by. */
async function outcome(pieces: readonly Buffer[], settles: (i: number) => boolean): Promise<unknown> {
  const recorder = new Recorder();
  const { wire } = memoryServer(recorder.service, new ManualClock());
  for (let i = 0; i < pieces.length; i++) {
    wire.feed(pieces[i] as Buffer);
    if (settles(i)) await settle();
  }
  await settle();
  await settle();
  return {
    written: wire.written,
    ended: wire.ended || wire.destroyed,
    calls: recorder.complete.map(({ method, authority, path, version, headers, body, trailers, outcomes }) => ({
      method,
      authority,
      path,
      version,
      headers,
      body,
      trailers,
      outcomes,
    })),
  };
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [...new Set(at)].sort((a, b) => a - b);
  return [0, ...cuts].map((start, i) => bytes.subarray(start, cuts[i] ?? bytes.length));
}

const always = (): boolean => true;
const never = (): boolean => false;
const payloads = [
  ...validPayloads,
  ...hostilePayloads.map(({ id, what, bytes }) => ({ what: `${id}: ${what}`, bytes })),
].map(({ what, bytes }) => ({ what, bytes: Buffer.from(bytes, "latin1") }));

describe("A55: the same bytes give the same result however they are cut", () => {
  it.each(payloads)("at every byte of $what", async ({ bytes }) => {
    const whole = await outcome([bytes], always);
    const step = Math.max(1, Math.floor(bytes.length / 400));
    for (let at = 1; at < bytes.length; at += step) {
      expect(await outcome(cut(bytes, [at]), always), `cut at ${at}`).toEqual(whole);
      expect(await outcome(cut(bytes, [at]), never), `cut at ${at}, at once`).toEqual(whole);
    }
  });

  it.each(payloads)("byte by byte of $what", async ({ bytes }) => {
    const whole = await outcome([bytes], always);
    const each = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    expect(await outcome(each, never)).toEqual(whole);
    if (bytes.length < 2_000) expect(await outcome(each, always)).toEqual(whole);
  });

  const arbPipeline = fc
    .array(fc.constantFrom(...payloads.filter(({ bytes }) => bytes.length < 1_000)), { minLength: 1, maxLength: 5 })
    .map((list) => Buffer.concat(list.map(({ bytes }) => bytes)));

  it("at any places of any requests one behind the other", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbPipeline.chain((bytes) =>
          fc.record({
            bytes: fc.constant(bytes),
            at: fc.array(fc.integer({ min: 1, max: Math.max(1, bytes.length - 1) }), { maxLength: 12 }),
            settles: fc.infiniteStream(fc.boolean()).map((stream) => () => stream.next().value as boolean),
          }),
        ),
        async ({ bytes, at, settles }) => {
          const whole = await outcome([bytes], always);
          expect(await outcome(cut(bytes, at), settles)).toEqual(whole);
        },
      ),
      { numRuns: 400 },
    );
  });
});
