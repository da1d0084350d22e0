import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bimodalLatency,
  constantLatency,
  exponentialLatency,
  histogramLatency,
  type Latency,
  lognormalLatency,
  normalLatency,
  percentileLatency,
  uniformLatency,
} from "../src/latency.ts";
import { percentile } from "../src/measure/percentiles.ts";
import { seededRng } from "../src/seeded-rng.ts";

const count = 40_000;

function samples(latency: Latency, seed = 1): Float64Array {
  const rng = seededRng(seed);
  return Float64Array.from({ length: count }, () => latency.sampleMs(rng)).sort();
}

/** How far the mean of the samples is from the latency's own, in standard errors. */
function sigmas(latency: Latency): number {
  const all = samples(latency);
  const mean = all.reduce((sum, ms) => sum + ms, 0) / count;
  const variance = all.reduce((sum, ms) => sum + (ms - mean) ** 2, 0) / (count - 1);
  // Adding up forty thousand numbers is not exact either.
  return Math.abs(mean - latency.meanMs) / (Math.sqrt(variance / count) + 1e-9 * latency.meanMs);
}

const ms = fc.double({ min: 0.01, max: 1000, noNaN: true });
const anyLatency: fc.Arbitrary<Latency> = fc.oneof(
  ms.map(constantLatency),
  fc.tuple(ms, ms).map(([a, b]) => uniformLatency(Math.min(a, b), Math.max(a, b))),
  ms.map(exponentialLatency),
  ms.map((mean) => normalLatency(mean, mean / 10)),
  fc.tuple(ms, fc.double({ min: 0, max: 1, noNaN: true })).map(([median, sigma]) => lognormalLatency(median, sigma)),
  fc
    .tuple(ms, ms, fc.double({ min: 0.05, max: 1, noNaN: true }))
    .map(([a, b, share]) => bimodalLatency(constantLatency(a), exponentialLatency(b), share)),
  fc
    .array(fc.tuple(ms, fc.nat(100)), { minLength: 1, maxLength: 6 })
    .filter((bins) => bins.some(([, n]) => n > 0))
    .map((bins) => {
      let fromMs = 0;
      return histogramLatency(
        bins.map(([width, n]) => {
          const bin = { fromMs, toMs: fromMs + width, count: n };
          fromMs += width;
          return bin;
        }),
      );
    }),
);

describe("latencies", () => {
  it("have the mean that they say, to 5 sigma, and are never below zero", () => {
    fc.assert(
      fc.property(anyLatency, (latency) => {
        expect(sigmas(latency)).toBeLessThan(5);
        expect(samples(latency)[0]).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 30, seed: 11 },
    );
  });

  it.each([
    lognormalLatency(100, 0.5),
    normalLatency(167, 5),
    exponentialLatency(20),
    uniformLatency(10, 30),
    bimodalLatency(constantLatency(1), constantLatency(100), 0.1),
  ])("such as $name have their mean", (latency) => {
    expect(sigmas(latency)).toBeLessThan(5);
  });

  it("from percentiles have those percentiles, to 5 sigma of the share", () => {
    const points = [
      [0, 164],
      [0.5, 167.5],
      [0.9, 176.7],
      [0.99, 192.3],
      [1, 200],
    ] as const;
    const all = samples(percentileLatency(points));
    for (const [share, value] of points) {
      const below = all.filter((each) => each <= value).length / count;
      expect(Math.abs(below - share)).toBeLessThanOrEqual(5 * Math.sqrt((share * (1 - share)) / count));
    }
    expect(percentile(all, 1)).toBeLessThanOrEqual(200);
  });

  it("from a histogram have its shares, and nothing where it has nothing", () => {
    const all = samples(
      histogramLatency([
        { fromMs: 0, toMs: 10, count: 300 },
        { fromMs: 10, toMs: 100, count: 0 },
        { fromMs: 100, toMs: 110, count: 100 },
      ]),
    );
    expect(all.filter((each) => each > 10 && each < 100)).toEqual(new Float64Array());
    const slow = all.filter((each) => each >= 100).length / count;
    expect(Math.abs(slow - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / count));
  });

  it("normal and lognormal have the spread that they say", () => {
    const normal = samples(normalLatency(167, 5));
    expect(percentile(normal, 0.975) - percentile(normal, 0.5)).toBeCloseTo(1.96 * 5, 0);
    const lognormal = samples(lognormalLatency(100, 0.5));
    expect(percentile(lognormal, 0.5)).toBeCloseTo(100, -1);
    expect(percentile(lognormal, 0.975)).toBeCloseTo(100 * Math.exp(1.96 * 0.5), -1);
  });

  it("are summed up by their ranks: the least that the share does not exceed", () => {
    expect([0, 0.5, 0.75, 0.76, 1].map((q) => percentile([1, 2, 3, 4], q))).toEqual([1, 2, 3, 4, 4]);
    expect(percentile([7], 0.01)).toBe(7);
    expect(percentile([], 0.5)).toBe(0);
  });

  it("refuse what is no time, and name what they are", () => {
    expect(() => constantLatency(-1)).toThrow("ms must be a finite number of at least 0, not -1");
    expect(() => uniformLatency(3, 2)).toThrow(RangeError);
    expect(() => normalLatency(1, Number.NaN)).toThrow(RangeError);
    expect(() => bimodalLatency(constantLatency(1), constantLatency(2), 1.5)).toThrow(RangeError);
    expect(() => percentileLatency([[0.5, 3]])).toThrow(RangeError);
    expect(() =>
      percentileLatency([
        [0, 3],
        [1, 2],
      ]),
    ).toThrow(RangeError);
    expect(() => histogramLatency([{ fromMs: 0, toMs: 1, count: 0 }])).toThrow(RangeError);
    expect(normalLatency(167, 5).name).toBe("normal(167, 5) ms");
  });
});
