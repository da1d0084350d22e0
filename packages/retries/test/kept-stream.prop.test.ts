import { Full, Headers, HttpRequest, Retained, Taken } from "@weftmesh/http";
import { describeBody, PushBody, RecordingSink, testError } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { httpRetrying } from "../src/http-retrying.ts";
import { KeptStream } from "../src/kept-stream.ts";
import type { Resend } from "../src/retry-protocol.ts";

const post = (body: PushBody): HttpRequest => new HttpRequest("2", "POST", "http", "web", "/", new Headers(), body);

function fed(maxBytes: number): { readonly source: PushBody; readonly req: HttpRequest; readonly resend: Resend } {
  const source = new PushBody();
  const req = post(source);
  return { source, req, resend: httpRetrying({ streams: true }).prepare(req, maxBytes) };
}

/** A source that keeps to the sink's pauses. */
async function feed(source: PushBody, chunks: readonly Uint8Array[]): Promise<void> {
  for (const chunk of chunks) {
    await source.writable();
    source.push(chunk);
  }
  await source.writable();
  source.end();
}

for (const maxBytes of [0, 100, 1e6]) {
  describeBody(`a stream of which ${maxBytes} bytes are kept`, {
    make: (chunks) => {
      const { source, req } = fed(maxBytes);
      void feed(source, chunks);
      return req.body;
    },
  });
  describeBody(`a stream of which ${maxBytes} bytes were kept before it was settled`, {
    make: (chunks) => {
      const source = new PushBody();
      const req = post(source);
      const kept = new KeptStream(req, maxBytes);
      kept.start();
      void feed(source, chunks);
      kept.settle();
      return req.body;
    },
  });
}

describe("a stream whose beginning is kept", () => {
  it("is the same for each attempt as long as it is short, and can be sent once when it is not", () => {
    const pipes = ["pipe", "pipe slices"] as const;
    const arbStep = fc.constantFrom("push", "push", "push", "end", "fail", ...pipes, "stop", "again", "settle");
    fc.assert(
      fc.property(fc.array(arbStep, { maxLength: 30, size: "max" }), fc.nat(20), (steps, maxBytes) => {
        const { source, req, resend } = fed(maxBytes);
        let content = Buffer.alloc(0);
        let sink: RecordingSink | undefined;
        let over = false;
        let settled = false;
        let failed = false;
        for (const step of steps) {
          if (step === "pipe") sink ??= RecordingSink.of(req.body, Retained);
          else if (step === "pipe slices") sink ??= RecordingSink.of(req.body, Retained, true);
          else if (step === "stop") sink?.stop(testError("enough"));
          else if (step === "settle") {
            resend.settle();
            settled = true;
          } else if (step === "again" && resend.possible && !settled) {
            resend.again();
            sink = undefined;
          } else if (!over && !source.full && step === "push" && source.piped) {
            const chunk = Buffer.from([content.length, 1, 2]);
            content = Buffer.concat([content, chunk]);
            source.push(chunk);
          } else if (!over && step === "end" && source.piped) {
            over = true;
            source.end();
          } else if (!over && step === "fail" && source.piped) {
            over = true;
            failed = true;
            source.fail(testError("broken"));
          }
          if (source.stopped !== undefined) return;
          if (!settled) expect(resend.possible).toBe(content.length <= maxBytes && !failed);
        }
        if (resend.possible && !settled) {
          resend.again();
          sink = undefined;
        }
        const last = sink ?? RecordingSink.of(req.body);
        if (last.late.length === 0 && (sink === undefined || !steps.includes("stop"))) {
          expect(last.content()).toEqual(content);
          expect([last.ended, last.error?.message]).toEqual([over && !failed, failed ? "broken" : undefined]);
        }
        expect(last.late).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it("reads without pauses what it keeps, and passes the sink's pauses on from there", () => {
    const { source, req, resend } = fed(4);
    const sink = RecordingSink.of(req.body, Full);
    source.push(Buffer.from("ab"));
    source.push(Buffer.from("cd"));
    expect([sink.content().toString(), source.full]).toEqual(["ab", false]);
    source.push(Buffer.from("ef"));
    expect([sink.content().toString(), source.full, resend.possible]).toEqual(["ab", true, false]);
    sink.resume();
    expect([sink.content().toString(), source.full]).toEqual(["abcdef", false]);
    sink.answer = Full;
    source.push(Buffer.from("gh"));
    expect([sink.content().toString(), source.full]).toEqual(["abcdefgh", true]);
    sink.resume();
    expect(source.full).toBe(false);
  });

  it("keeps no more once it is settled", () => {
    const { source, req, resend } = fed(1_000_000);
    const sink = RecordingSink.of(req.body);
    source.push(Buffer.from("ab"));
    resend.settle();
    sink.answer = Full;
    source.push(Buffer.from("cd"));
    expect(source.full).toBe(true);
    sink.answer = Taken;
    sink.resume();
    expect([sink.content().toString(), source.full]).toEqual(["abcd", false]);
  });

  it("tells the source that nobody wants the rest once there will be no further attempt, and not before", () => {
    const { source, req, resend } = fed(10);
    RecordingSink.of(req.body).stop(testError("answered early"));
    expect(source.stopped).toBeUndefined();
    resend.settle();
    expect(source.stopped?.message).toBe("answered early");
  });

  it("gives another attempt, which may retain what it is given, memory that stays", () => {
    const { source, req, resend } = fed(2);
    const first = RecordingSink.of(req.body, Taken, true);
    source.push(Buffer.from("ab"));
    resend.again();
    const second = RecordingSink.of(req.body, Retained);
    resend.settle();
    source.push(Buffer.from("cd"));
    source.end();
    expect([first.text(), first.error?.name]).toEqual(["ab", "RetriedError"]);
    expect([second.text(), second.ended]).toEqual(["abcd", true]);
  });

  it("keeps the trailers too", () => {
    const { source, req, resend } = fed(10);
    const trailers = Headers.of("x", "1");
    RecordingSink.of(req.body);
    source.push(Buffer.from("a"));
    source.end(trailers);
    resend.again();
    const again = RecordingSink.of(req.body);
    expect([again.content().toString(), again.trailers]).toEqual(["a", trailers]);
  });

  it("is kept once by layers above each other", () => {
    const { source, req } = fed(10);
    const inner = httpRetrying({ streams: true }).prepare(req);
    RecordingSink.of(req.body).stop(testError("first"));
    inner.again();
    inner.settle();
    const sink = RecordingSink.of(req.body);
    source.push(Buffer.from("abc"));
    source.end();
    expect(sink.content().toString()).toBe("abc");
  });
});
