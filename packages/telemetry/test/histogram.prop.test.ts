import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Histogram } from "../src/histogram.ts";

const whole = fc.oneof(fc.nat(40), fc.nat(5_000), fc.maxSafeNat());
const fraction = fc.double({ min: 2 ** -20, max: 2 ** 53, noNaN: true });
const numbers = fc.oneof(
  fc.array(whole, { maxLength: 200, size: "max" }),
  fc.array(fc.oneof(whole, fraction), { maxLength: 200, size: "max" }),
);
const share = fc.oneof(
  fc.constantFrom(0, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1),
  fc.double({ min: 0, max: 1, noNaN: true }),
);

function of(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

/** The number of that rank in a sorted list. */
function exact(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.ceil(q * sorted.length * (1 - 1e-12));
  return sorted[Math.min(Math.max(rank, 1), sorted.length) - 1] as number;
}

function figures(of: Histogram): unknown {
  const shares = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1];
  return { count: of.count, min: of.min, max: of.max, percentiles: shares.map((q) => of.percentile(q)) };
}

describe("Histogram", () => {
  it("gives every percentile within 1/32 of the exact one, and whole numbers below 32 exactly", () => {
    fc.assert(
      fc.property(numbers, share, (values, q) => {
        fc.pre(values.length > 0);
        const expected = exact(values, q);
        const found = of(values).percentile(q);
        expect(Math.abs(found - expected)).toBeLessThanOrEqual(expected / 32);
        if (values.every(Number.isInteger) && expected < 32) expect(found).toBe(expected);
      }),
    );
  });

  it("keeps count, sum, least and greatest exactly", () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const histogram = of(values);
        expect(histogram.count).toBe(values.length);
        expect(histogram.sum).toBe(values.reduce((sum, value) => sum + value, 0));
        expect(histogram.min).toBe(values.length === 0 ? 0 : Math.min(...values));
        expect(histogram.max).toBe(values.length === 0 ? 0 : Math.max(...values));
      }),
    );
  });

  it("merged with another is the histogram of both lists", () => {
    fc.assert(
      fc.property(fc.array(whole), fc.array(whole), (a, b) => {
        const merged = of(a);
        merged.merge(of(b));
        expect(figures(merged)).toEqual(figures(of([...a, ...b])));
      }),
    );
  });

  it("gives percentiles that do not fall as the share grows", () => {
    fc.assert(
      fc.property(numbers, share, share, (values, a, b) => {
        const histogram = of(values);
        expect(histogram.percentile(Math.min(a, b))).toBeLessThanOrEqual(histogram.percentile(Math.max(a, b)));
      }),
    );
  });
});
