import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ServiceRate } from "../src/service-rate.ts";

const memoryMs = 10_000;

/** The same figure, from all that ever happened. */
class Remembered {
  readonly #spans: { readonly endMs: number; readonly spanMs: number }[] = [];
  #markMs = 0;

  begin(nowMs: number): void {
    this.#markMs = nowMs;
  }

  ended(nowMs: number): void {
    this.#spans.push({ endMs: nowMs, spanMs: nowMs - this.#markMs });
    this.#markMs = nowMs;
  }

  intervalMs(nowMs: number): number {
    let weights = 0;
    let sumMs = 0;
    for (const { endMs, spanMs } of this.#spans) {
      const weight = Math.exp((endMs - nowMs) / memoryMs);
      weights += weight;
      sumMs += weight * spanMs;
    }
    const underWayMs = nowMs - this.#markMs;
    return Math.max(weights === 0 ? 0 : sumMs / weights, (sumMs + underWayMs) / (weights + 1));
  }
}

const arbStep = fc.record({
  do: fc.constantFrom("begin" as const, "ended" as const, "ended" as const, "nothing" as const),
  dtMs: fc.constantFrom(0, 1, 7, 100, 2500, 30_000),
});

describe("ServiceRate", () => {
  it("is the mean of the intervals, those of long ago counting less, and at least the one under way", () => {
    fc.assert(
      fc.property(fc.array(arbStep, { maxLength: 40 }), fc.nat(9), (steps, ahead) => {
        const rate = new ServiceRate();
        const remembered = new Remembered();
        let nowMs = 1;
        rate.begin(nowMs);
        remembered.begin(nowMs);
        for (const step of steps) {
          nowMs += step.dtMs;
          if (step.do === "begin") {
            rate.begin(nowMs);
            remembered.begin(nowMs);
          } else if (step.do === "ended") {
            rate.ended(nowMs);
            remembered.ended(nowMs);
          }
          const expected = (ahead + 1) * remembered.intervalMs(nowMs);
          expect(rate.expectedWaitMs(ahead, nowMs)).toBeCloseTo(expected, 6);
        }
      }),
    );
  });

  it("knows an even pace exactly, from its first interval on", () => {
    const rate = new ServiceRate();
    rate.begin(1000);
    expect(rate.expectedWaitMs(0, 1000)).toBe(0);
    for (let nowMs = 1020; nowMs <= 3000; nowMs += 20) {
      rate.ended(nowMs);
      expect(rate.expectedWaitMs(0, nowMs)).toBeCloseTo(20, 9);
      expect(rate.expectedWaitMs(4, nowMs + 15)).toBeCloseTo(100, 9);
    }
  });

  it("leaves out the time in which some place was free", () => {
    const rate = new ServiceRate();
    rate.begin(0);
    rate.ended(10);
    rate.begin(5000);
    expect(rate.expectedWaitMs(0, 5000)).toBeCloseTo(10, 9);
    rate.ended(5010);
    expect(rate.expectedWaitMs(0, 5010)).toBeCloseTo(10, 9);
  });

  it("notices a service that hangs before anything has ended", () => {
    const rate = new ServiceRate();
    rate.begin(0);
    expect(rate.expectedWaitMs(0, 400)).toBe(400);
    expect(rate.expectedWaitMs(2, 400)).toBe(1200);
  });
});
