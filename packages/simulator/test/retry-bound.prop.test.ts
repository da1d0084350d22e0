import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { retryBound } from "../src/index.ts";

const times = fc
  .array(fc.integer({ min: 0, max: 60 }), { maxLength: 25 })
  .map((each) => Float64Array.from(each, (ms) => ms * 100).sort());
const options = fc.record({
  ttlMs: fc.constantFrom(100, 1000, 3000),
  minRetriesPerSec: fc.constantFrom(0, 1, 7),
  percentCanRetry: fc.constantFrom(0, 0.2, 1),
});

/** The law itself, window by window: they begin right before a retry and end with one. */
function slowest(
  requests: Float64Array,
  retries: Float64Array,
  { ttlMs, minRetriesPerSec, percentCanRetry }: { ttlMs: number; minRetriesPerSec: number; percentCanRetry: number },
): number {
  let slack = Number.POSITIVE_INFINITY;
  for (const from of retries) {
    for (const to of retries) {
      if (to < from) continue;
      const used = retries.filter((ms) => ms >= from && ms <= to).length;
      const paid = requests.filter((ms) => ms >= from - ttlMs && ms <= to).length;
      const allowed = percentCanRetry * paid + (minRetriesPerSec * (to - from + ttlMs)) / 1000;
      slack = Math.min(slack, allowed - used);
    }
  }
  return slack;
}

describe("G15: the bound of retries", () => {
  it("is that of the worst of all windows, found in one pass", () => {
    fc.assert(
      fc.property(times, times, options, (requests, retries, how) => {
        const { slack, fromMs, toMs } = retryBound(requests, retries, how);
        const expected = slowest(requests, retries, how);
        if (retries.length === 0) expect(slack).toBe(Number.POSITIVE_INFINITY);
        else expect(slack).toBeCloseTo(expected, 9);
        expect(toMs).toBeGreaterThanOrEqual(fromMs);
      }),
    );
  });

  it("finds a burst that is within the bound of the whole, and beyond that of its own window", () => {
    const requests = Float64Array.from({ length: 1000 }, (_, i) => i * 100);
    const burst = Float64Array.from({ length: 30 }, () => 50_000);
    const bound = retryBound(requests, burst, { ttlMs: 10_000, minRetriesPerSec: 0, percentCanRetry: 0.2 });
    // A tenth of a second each: 101 requests in the ttl before it, and so 20.2 retries.
    expect(bound.slack).toBeCloseTo(20.2 - 30, 9);
    expect([bound.fromMs, bound.toMs]).toEqual([50_000, 50_000]);
  });
});
