import { describe, expect, it } from "vitest";
import { type AdaptiveConcurrencyOptions, GradientLimit } from "../src/gradient-limit.ts";

const never = { next: () => 0 };

function newLimit(options: AdaptiveConcurrencyOptions = {}): GradientLimit {
  return new GradientLimit(options, never);
}

/** Answers to calls that were alone. */
function quietly(limit: GradientLimit, count: number, latencyMs: number, sinceMs: number): void {
  for (let i = 0; i < count; i++) limit.answered(sinceMs, limit.admitted(1), sinceMs + latencyMs);
}

describe("GradientLimit", () => {
  it("begins with the initial limit, and keeps it while no latency is known", () => {
    const limit = newLimit();
    expect(limit.limit).toBe(20);
    limit.admitted(20);
    for (let i = 0; i < 100; i++) limit.answered(0, false, 10);
    limit.advance(500);
    expect(limit.limit).toBe(20);
    expect(newLimit({ maxLimit: 7 }).limit).toBe(7);
    expect(newLimit({ minLimit: 30 }).limit).toBe(30);
  });

  it("takes calls that were alone anyway for a measurement, without refusing anybody", () => {
    const limit = newLimit({ minRttRequests: 50 });
    limit.advance(0);
    quietly(limit, 49, 12, 0);
    expect(limit.minRttMs).toBe(0);
    quietly(limit, 1, 12, 0);
    expect(limit.minRttMs).toBe(12);
    expect(limit.measuring).toBe(false);
  });

  it("goes down to the lowest limit for a measurement once enough calls came that were not alone", () => {
    const limit = newLimit({ minRttRequests: 50, minLimit: 3 });
    for (let n = 0; n < 49; n++) expect(limit.admitted(4)).toBe(false);
    limit.advance(1);
    expect(limit.measuring).toBe(false);
    limit.admitted(20);
    limit.advance(2);
    expect([limit.measuring, limit.limit]).toEqual([true, 3]);
    // Those that were under way before do not count.
    for (let i = 0; i < 100; i++) limit.answered(1.5, true, 400);
    expect(limit.measuring).toBe(true);
    quietly(limit, 49, 10, 400);
    expect(limit.measuring).toBe(true);
    quietly(limit, 1, 10, 400);
    expect([limit.measuring, limit.limit, limit.minRttMs]).toEqual([false, 20, 10]);
  });

  it("does not take latencies of a measurement for those of an interval, nor of the one before", () => {
    const limit = newLimit({ minRttRequests: 5, minLimit: 3 });
    for (let n = 0; n < 5; n++) limit.admitted(20);
    limit.answered(0, false, 9000);
    limit.advance(9000);
    limit.timedOut(0, 9000);
    quietly(limit, 5, 10, 9000);
    expect(limit.minRttMs).toBe(10);
    limit.admitted(20);
    for (let i = 0; i < 4; i++) limit.answered(9100, false, 9110);
    limit.advance(9200);
    expect(limit.sampleRttMs).toBe(0);
    limit.answered(9190, false, 9200);
    limit.advance(9200);
    expect(limit.sampleRttMs).toBe(10);
  });

  it("waits for enough answers before it changes, and for the interval to be over", () => {
    const limit = newLimit({ minRttRequests: 1, updateIntervalMs: 100 });
    limit.advance(0);
    quietly(limit, 1, 10, 0);
    limit.admitted(20);
    for (let i = 0; i < 5; i++) limit.answered(20, false, 60);
    limit.advance(109);
    expect(limit.limit).toBe(20);
    limit.advance(110);
    // 10 * 1.25 / 40 is below a half.
    expect([limit.gradient, limit.limit]).toEqual([0.5, 13]);
    // The interval that begins now ends 100 ms later.
    for (let i = 0; i < 5; i++) limit.answered(120, false, 160);
    limit.advance(209);
    expect(limit.limit).toBe(13);
    limit.advance(210);
    expect(limit.limit).toBe(9);
  });

  it("counts calls that were given up with the time they were given", () => {
    const limit = newLimit({ minRttRequests: 1 });
    limit.advance(0);
    quietly(limit, 1, 10, 0);
    limit.admitted(20);
    for (let i = 0; i < 5; i++) limit.timedOut(10, 1010);
    limit.advance(1010);
    expect([limit.sampleRttMs, limit.gradient]).toEqual([1000, 0.5]);
  });

  it("uses the percentile that is set", () => {
    const limit = newLimit({ minRttRequests: 10, percentile: 0.9 });
    limit.advance(0);
    for (let latencyMs = 1; latencyMs <= 10; latencyMs++) quietly(limit, 1, latencyMs, 0);
    expect(limit.minRttMs).toBe(9);
    for (let latencyMs = 11; latencyMs <= 20; latencyMs++) limit.answered(100, false, 100 + latencyMs);
    limit.advance(200);
    expect(limit.sampleRttMs).toBe(19);
  });

  it("doubts the least latency when the limit stays at the lowest, and learns the new one from what comes", () => {
    const limit = newLimit({ minRttRequests: 5, minLimit: 3, initialLimit: 3 });
    limit.advance(0);
    quietly(limit, 5, 10, 0);
    expect(limit.minRttMs).toBe(10);
    let nowMs = 10;
    for (let update = 1; update <= 5; update++) {
      quietly(limit, 5, 100, nowMs);
      nowMs += 100;
      limit.advance(nowMs);
      expect([limit.limit, limit.minRttMs]).toEqual([3, 10]);
    }
    // The first call may have begun before the doubt: it does not count.
    limit.answered(nowMs - 50, true, nowMs + 50);
    quietly(limit, 4, 100, nowMs);
    expect(limit.minRttMs).toBe(10);
    quietly(limit, 1, 100, nowMs);
    expect([limit.minRttMs, limit.measuring]).toEqual([100, false]);
    quietly(limit, 5, 100, nowMs + 100);
    limit.admitted(3);
    limit.advance(nowMs + 200);
    // 3 * 1.25 and its root.
    expect(limit.limit).toBe(5);
  });

  it("doubts it once, and then waits for the answer, however many updates that takes", () => {
    const limit = newLimit({ minRttRequests: 30, minLimit: 3, initialLimit: 3 });
    limit.advance(0);
    quietly(limit, 30, 10, 0);
    let nowMs = 10;
    const update = (): void => {
      quietly(limit, 5, 100, nowMs);
      nowMs += 100;
      limit.advance(nowMs);
    };
    // Five until it is doubted, and five with 25 answers.
    for (let i = 0; i < 10; i++) update();
    quietly(limit, 4, 100, nowMs);
    expect(limit.minRttMs).toBe(10);
    quietly(limit, 1, 100, nowMs);
    expect(limit.minRttMs).toBe(100);
  });

  it("takes the worst of all where the percentile says so", () => {
    const limit = newLimit({ minRttRequests: 3, percentile: 1 });
    limit.advance(0);
    for (const latencyMs of [7, 9, 8]) quietly(limit, 1, latencyMs, 0);
    expect(limit.minRttMs).toBe(9);
  });

  it("does not doubt it for four updates, nor after one in between that ended higher", () => {
    const limit = newLimit({ minRttRequests: 5, minLimit: 3, initialLimit: 3 });
    limit.advance(0);
    quietly(limit, 5, 10, 0);
    let nowMs = 10;
    const update = (latencyMs: number): void => {
      limit.admitted(3);
      quietly(limit, 5, latencyMs, nowMs);
      nowMs += 100;
      limit.advance(nowMs);
    };
    for (let i = 0; i < 4; i++) update(100);
    update(5);
    expect(limit.limit).toBe(8);
    for (let i = 0; i < 6; i++) update(100);
    expect([limit.limit, limit.minRttMs]).toEqual([3, 10]);
  });

  it.each([
    [{ minLimit: 0 }, "minLimit must be a whole number above 0: 0"],
    [{ maxLimit: 2.5 }, "maxLimit must be a whole number above 0: 2.5"],
    [{ initialLimit: Number.NaN }, "initialLimit must be a whole number above 0: NaN"],
    [{ minRttRequests: -1 }, "minRttRequests must be a whole number above 0: -1"],
    [{ minLimit: 5, maxLimit: 4 }, "minLimit 5, initialLimit 5 and maxLimit 4 must not fall"],
    [{ minLimit: 5, initialLimit: 4 }, "minLimit 5, initialLimit 4 and maxLimit 1000 must not fall"],
    [{ updateIntervalMs: 0 }, "updateIntervalMs must be above 0: 0"],
    [{ minRttIntervalMs: Number.NaN }, "minRttIntervalMs must be above 0: NaN"],
    [{ percentile: 0 }, "percentile must be above 0: 0"],
    [{ percentile: 1.1 }, "percentile must not be above 1: 1.1"],
    [{ jitter: -0.1 }, "jitter and buffer must not be below 0: -0.1 and 0.25"],
    [{ buffer: -1 }, "jitter and buffer must not be below 0: 0.15 and -1"],
  ] satisfies [AdaptiveConcurrencyOptions, string][])("refuses %j", (options, message) => {
    expect(() => newLimit(options)).toThrow(RangeError);
    expect(() => newLimit(options)).toThrow(message);
  });
});
