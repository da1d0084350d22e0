import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MessageSink, RequestMessages } from "../src/index.ts";

type Step =
  | { readonly kind: "push"; readonly size: number }
  | { readonly kind: "end" | "attach" | "detach" | "take" | "settle" };

const arbStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 40 }).map((size): Step => ({ kind: "push", size })) },
  { weight: 4, arbitrary: fc.constant<Step>({ kind: "take" }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: "attach" }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ kind: "end" }, { kind: "detach" }, { kind: "settle" }) },
);

class RecordingSink implements MessageSink {
  readonly got: Buffer[] = [];
  readonly takes: (() => void)[] = [];
  ends = 0;

  message(bytes: Buffer, taken: () => void): void {
    expect(this.ends).toBe(0);
    this.got.push(bytes);
    this.takes.push(taken);
  }

  end(): void {
    this.ends++;
  }
}

describe("the messages of a request", () => {
  it("come to each attempt from the first on, in order, each once; and whoever waits is told once", () => {
    fc.assert(
      fc.property(fc.array(arbStep, { maxLength: 60 }), fc.integer({ min: 0, max: 100 }), (steps, maxKeptBytes) => {
        const messages = new RequestMessages(maxKeptBytes);
        const pushed: Buffer[] = [];
        const told: number[] = [];
        let ended = false;
        let sink: RecordingSink | undefined;
        let attached = 0;
        let taken = 0;
        let mostTaken = 0;
        let wasResendable = true;
        for (const step of steps) {
          if (step.kind === "push" && !ended) {
            const number = pushed.length;
            const bytes = Buffer.alloc(step.size, number);
            pushed.push(bytes);
            messages.push(bytes, () => told.push(number));
          } else if (step.kind === "end") {
            ended = true;
            messages.end();
          } else if (step.kind === "attach" && (messages.resendable || attached === 0)) {
            attached++;
            taken = 0;
            sink = new RecordingSink();
            messages.attach(sink);
          } else if (step.kind === "detach" && sink !== undefined) messages.detach(sink);
          else if (step.kind === "take" && sink !== undefined && sink.takes.length > 0) {
            mostTaken = Math.max(mostTaken, ++taken);
            sink.takes.shift()?.();
          } else if (step.kind === "settle") messages.settle();

          if (step.kind === "detach") sink = undefined;
          if (sink !== undefined) {
            expect(sink.got).toEqual(pushed);
            expect(sink.ends).toBe(ended ? 1 : 0);
          }
          expect(told).toEqual(Array.from({ length: mostTaken }, (_, i) => i));
          // Nothing that went out is kept beyond the limit, nor when there is no other attempt.
          const unsent = sink === undefined ? pushed.reduce((sum, each) => sum + each.length, 0) : 0;
          expect(messages.keptBytes).toBeLessThanOrEqual(maxKeptBytes + unsent);
          if (!messages.resendable && sink !== undefined) expect(messages.keptBytes).toBe(0);
          expect(messages.resendable && !wasResendable).toBe(false);
          wasResendable = messages.resendable;
        }
        messages.close();
        expect(told).toEqual(pushed.map((_each, i) => i));
        expect(messages.keptBytes).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  it("are resendable up to the limit and not beyond", () => {
    const messages = new RequestMessages(10);
    const sink = new RecordingSink();
    messages.attach(sink);
    messages.push(Buffer.alloc(10), () => {});
    expect(messages.resendable).toBe(true);
    messages.push(Buffer.alloc(1), () => {});
    expect(messages.resendable).toBe(false);
    expect(messages.keptBytes).toBe(0);
  });

  it("hear nothing from an attempt that is over", () => {
    const messages = new RequestMessages(100);
    let told = 0;
    const [one, two] = [new RecordingSink(), new RecordingSink()];
    messages.attach(one);
    messages.push(Buffer.alloc(1), () => told++);
    messages.detach(one);
    messages.attach(two);
    one.takes[0]?.();
    expect(told).toBe(0);
    two.takes[0]?.();
    two.takes[0]?.();
    expect(told).toBe(1);
  });

  it("are claimed by one layer alone", () => {
    const messages = new RequestMessages(0);
    expect([messages.claim(), messages.claim(), messages.claim()]).toEqual([true, false, false]);
  });
});
