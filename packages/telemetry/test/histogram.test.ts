import { describe, expect, it } from "vitest";
import { Histogram } from "../src/histogram.ts";

function of(...values: number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

describe("Histogram", () => {
  it("has no figures but zeros while it is empty", () => {
    const { count, sum, min, max, avg } = new Histogram();
    expect({ count, sum, min, max, avg }).toEqual({ count: 0, sum: 0, min: 0, max: 0, avg: 0 });
    expect(new Histogram().percentile(0.5)).toBe(0);
  });

  it("gives the median of two numbers as the lower one", () => {
    const both = of(1, 2);
    expect([0, 0.5, 0.9, 0.9999, 1].map((q) => both.percentile(q))).toEqual([1, 1, 2, 2, 2]);
    expect(both.avg).toBe(1.5);
  });

  it("is exact for whole numbers below 32", () => {
    const all = of(...Array.from({ length: 32 }, (_, i) => i));
    for (let i = 1; i <= 32; i++) expect(all.percentile(i / 32)).toBe(i - 1);
  });

  it("does not take what is no number >= 0", () => {
    expect(of(-1, Number.NaN, Number.POSITIVE_INFINITY, -0.001).count).toBe(0);
  });

  it("keeps numbers beyond the range of its buckets in count, sum and extremes", () => {
    const wide = of(1e-9, 5, 1e300);
    expect([wide.count, wide.min, wide.max]).toEqual([3, 1e-9, 1e300]);
    expect(Math.abs(wide.percentile(0.6) - 5)).toBeLessThanOrEqual(5 / 32);
  });

  it("takes no more room than the powers of two that it saw", () => {
    expect(new Histogram().bucketBytes).toBe(0);
    expect(of(100, 101, 127).bucketBytes).toBe(64);
    expect(of(64, 1023).bucketBytes).toBe(4 * 64);
    expect(of(1e-12, 1e-6, 1, 1e18, 1e300).bucketBytes).toBeLessThanOrEqual(75 * 64);
  });

  it("starts anew when what it holds is taken", () => {
    const histogram = of(1, 2, 3);
    const taken = histogram.take();
    histogram.add(100);
    expect([taken.count, taken.sum, taken.max]).toEqual([3, 6, 3]);
    expect([histogram.count, histogram.sum, histogram.min]).toEqual([1, 100, 100]);
  });
});
