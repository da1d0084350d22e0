import { Ctx, type Outcome, ok } from "@weftmesh/core";
import {
  type Body,
  BodyRelay,
  bytesBody,
  emptyBody,
  endWithBody,
  HttpResponse,
  latin1Body,
  tapBody,
  textBody,
} from "@weftmesh/http";
import { describeBody, PushBody, RecordingSink, testError } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** Gives its chunks one by one and keeps to the pauses: what a well-behaved source of many chunks does. */
class ChunksBody extends PushBody {
  constructor(chunks: readonly Uint8Array[]) {
    super();
    void this.#give(chunks);
  }

  async #give(chunks: readonly Uint8Array[]): Promise<void> {
    for (const chunk of chunks) {
      await this.writable();
      if (this.stopped !== undefined) return;
      if (chunk.length > 0) this.push(chunk);
      // What is pushed before anybody pipes cannot be told to pause.
      while (!this.piped) await Promise.resolve();
    }
    await this.writable();
    if (this.stopped === undefined) this.end();
  }
}

describeBody("bytesBody", { make: (chunks) => bytesBody(Buffer.concat(chunks)) });
describeBody("latin1Body", { make: (chunks) => latin1Body(Buffer.concat(chunks).toString("latin1")) });
describeBody("tapBody over text", {
  make: (chunks) => tapBody(latin1Body(Buffer.concat(chunks).toString("latin1")), {}),
});
describeBody("tapBody over bytes", { make: (chunks) => tapBody(bytesBody(Buffer.concat(chunks)), {}) });
describeBody("tapBody over chunks", { make: (chunks) => tapBody(new ChunksBody(chunks), {}) });
describeBody("BodyRelay", { make: (chunks) => new BodyRelay(new ChunksBody(chunks)) });
describeBody("endWithBody", {
  make: (chunks) => endWithBody(new Ctx(), new HttpResponse(200, undefined, new ChunksBody(chunks))).body,
});

describe("a body that is at hand as text", () => {
  class TextSink extends RecordingSink {
    readonly texts: string[] = [];

    onText(text: string): number {
      this.texts.push(text);
      return this.onData(Buffer.from(text, "latin1"));
    }
  }

  it("is given as text to a sink that takes it, also through endWithBody, and as bytes through whoever looks at bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 50 }), (bytes) => {
        const text = Buffer.from(bytes).toString("latin1");
        const given = (body: Body): readonly string[] => {
          const sink = new TextSink();
          body.pipe(sink);
          expect(sink.content()).toEqual(Buffer.from(bytes));
          expect(sink.ended).toBe(true);
          return sink.texts;
        };
        const ctx = new Ctx();
        expect(given(latin1Body(text))).toEqual([text]);
        expect(given(endWithBody(ctx, new HttpResponse(200, undefined, latin1Body(text))).body)).toEqual([text]);
        expect(ctx.ended).toBe(true);
        let seen = 0;
        const counted = tapBody(latin1Body(text), {
          onData: (chunk) => {
            seen += chunk.length;
          },
        });
        expect(given(counted)).toEqual([]);
        expect(seen).toBe(bytes.length);
      }),
    );
  });
});

type Step = "push" | "end" | "fail" | "stop";
const arbSteps = fc.array(fc.constantFrom<Step>("push", "push", "push", "end", "fail", "stop"), { maxLength: 8 });

/** Plays the steps on a body that was made from a source, to a recording sink; returns the sink. */
function play(steps: readonly Step[], source: PushBody, body: Body): RecordingSink {
  const sink = RecordingSink.of(body);
  steps.forEach((step, i) => {
    if (step === "push") source.push(Uint8Array.of(i));
    if (step === "end") source.end();
    if (step === "fail") source.fail(testError("broken"));
    if (step === "stop") sink.stop(testError("enough"));
  });
  return sink;
}

/** The step that decides how the body went, or undefined when none did. */
function decisive(steps: readonly Step[]): Step | undefined {
  return steps.find((step) => step !== "push");
}

describe("tapBody", () => {
  it("shows every chunk, and exactly one end, error or stop, before the sink hears of it", () => {
    fc.assert(
      fc.property(arbSteps, (steps) => {
        const heard: string[] = [];
        const source = new PushBody();
        const body = tapBody(source, {
          onData: (chunk) => void heard.push(`${chunk[0]}`),
          onEnd: () => void heard.push("end"),
          onError: (error) => void heard.push(`fail ${error.message}`),
          onStop: (reason) => void heard.push(`stop ${reason.message}`),
        });
        const sink = play(steps, source, body);
        const at = steps.findIndex((step) => step !== "push");
        const pushed = steps.slice(0, at < 0 ? steps.length : at).map((_, i) => `${i}`);
        const endings: Record<string, string[]> = { end: ["end"], fail: ["fail broken"], stop: ["stop enough"] };
        expect(heard).toEqual([...pushed, ...(endings[decisive(steps) ?? ""] ?? [])]);
        expect([...sink.content()].map(String)).toEqual(pushed);
        expect(sink.late).toEqual([]);
        expect(source.stopped !== undefined).toBe(steps.includes("stop"));
      }),
    );
  });

  it("leaves the sink's flags and the length alone", () => {
    const source = new PushBody(7);
    const body = tapBody(source, {});
    expect(body.length).toBe(7);
    const sink = RecordingSink.of(body, 2);
    source.push(Uint8Array.of(1));
    expect(source.full).toBe(true);
    sink.resume();
    expect(source.full).toBe(false);
  });
});

describe("endWithBody", () => {
  it("ends the ctx once, with the body: ok at its end, failed when it fails or is stopped", () => {
    fc.assert(
      fc.property(arbSteps, (steps) => {
        const ctx = new Ctx();
        const ends: Outcome[] = [];
        let responses = 0;
        ctx.observe({ onResponse: () => responses++, onEnd: (_ctx, outcome) => ends.push(outcome) });
        const source = new PushBody();
        const rep = endWithBody(ctx, new HttpResponse(200, undefined, source));
        expect([responses, ends.length]).toEqual([1, 0]);
        play(steps, source, rep.body);
        const how = decisive(steps);
        expect(ends.map((each) => each.kind)).toEqual(how === undefined ? [] : [how === "end" ? "ok" : "failed"]);
      }),
    );
  });

  it("ends the attempt before the sink, and so the call around it, hears of the end", () => {
    const ctx = new Ctx();
    const source = new PushBody();
    const rep = endWithBody(ctx, new HttpResponse(200, undefined, source));
    let endedBefore: boolean | undefined;
    rep.body.pipe({
      onData: () => 0,
      onEnd: () => {
        endedBefore = ctx.ended;
      },
      onError: () => {},
    });
    source.end();
    expect(endedBefore).toBe(true);
  });

  it("ends at once when there is no body, and leaves the response as it is", () => {
    const ctx = new Ctx();
    const order: string[] = [];
    ctx.observe({ onResponse: () => order.push("response"), onEnd: (_ctx, outcome) => order.push(outcome.kind) });
    const rep = new HttpResponse(204);
    expect(endWithBody(ctx, rep).body).toBe(emptyBody);
    expect(order).toEqual(["response", ok.kind]);
  });
});

describe("textBody", () => {
  it("is UTF-8, and may be piped more than once", () => {
    const body = textBody("é");
    expect(body.length).toBe(2);
    for (let i = 0; i < 2; i++) expect(RecordingSink.of(body).text()).toBe("é");
    expect(textBody("")).toBe(emptyBody);
  });
});
