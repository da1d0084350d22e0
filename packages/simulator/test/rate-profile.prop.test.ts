import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { burstArrivals, rampArrivals, scheduledArrivals } from "../src/arrivals.ts";
import { RateProfile } from "../src/rate-profile.ts";

const rps = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 5, arbitrary: fc.double({ min: 1, max: 5000, noNaN: true }) },
);
const gaps = fc.array(fc.record({ gapMs: fc.constantFrom(0, 1, 10, 250, 1000), rps }), { minLength: 1, maxLength: 6 });
const profile = fc.record({ gaps, repeats: fc.boolean() }).map(({ gaps: list, repeats }) => {
  let atMs = 0;
  const points = list.map(({ gapMs, rps: rate }) => {
    atMs += gapMs;
    return { atMs, rps: rate };
  });
  return repeats ? new RateProfile(points, atMs + 500) : new RateProfile(points);
});

describe("a rate over time", () => {
  it("brings as many requests as the area below it, by small steps", () => {
    fc.assert(
      fc.property(
        profile,
        fc.integer({ min: 0, max: 3000 }),
        fc.integer({ min: 1, max: 3000 }),
        (rate, fromMs, lengthMs) => {
          let area = 0;
          const stepMs = 0.25;
          for (let ms = fromMs; ms < fromMs + lengthMs; ms += stepMs)
            area += (rate.at(ms + stepMs / 2) / 1000) * stepMs;
          // A step of the rate lies within one of the steps here.
          expect(Math.abs(rate.between(fromMs, fromMs + lengthMs) - area)).toBeLessThan(1e-6 * area + 8 * 5 * stepMs);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("tells when so many more will have come: the area until then is just that", () => {
    fc.assert(
      fc.property(
        profile,
        fc.double({ min: 0, max: 5000, noNaN: true }),
        fc.double({ min: 1e-3, max: 5000, noNaN: true }),
        (rate, fromMs, more) => {
          const whenMs = rate.whenMore(fromMs, more);
          if (whenMs === Number.POSITIVE_INFINITY) {
            expect(rate.between(fromMs, fromMs + 1e7)).toBeLessThan(more * (1 + 1e-9));
            return;
          }
          expect(whenMs).toBeGreaterThanOrEqual(fromMs);
          expect(Math.abs(rate.between(fromMs, whenMs) - more)).toBeLessThan(1e-6 * Math.max(more, 1));
        },
      ),
    );
  });

  it("tells the first time at which so many will have come", () => {
    const half = [
      { atMs: 0, rps: 10 },
      { atMs: 500, rps: 10 },
      { atMs: 500, rps: 0 },
    ];
    const rate = new RateProfile(half, 1000);
    expect([1, 5, 6, 10, 15].map((more) => rate.whenMore(0, more))).toEqual([100, 500, 1100, 1500, 2500]);
    expect(rate.whenMore(700, 5)).toBe(1500);
  });

  it("ramps and bursts as told", () => {
    const ramp = rampArrivals({ fromRps: 100, toRps: 300, startMs: 1000, overMs: 2000 }).rate;
    expect([0, 1000, 2000, 3000, 9000].map((ms) => ramp.at(ms))).toEqual([100, 100, 200, 300, 300]);
    const burst = burstArrivals({ baseRps: 10, burstRps: 500, everyMs: 1000, burstMs: 200 }).rate;
    expect([0, 799, 800, 999, 1000, 1800].map((ms) => burst.at(ms))).toEqual([10, 10, 500, 500, 10, 500]);
    expect(burst.between(0, 10_000)).toBeCloseTo(10 * (8 + 100), 6);
    expect(scheduledArrivals([{ atMs: 0, rps: 5 }]).name).toBe("5 rps at 0 s");
  });

  it("refuses points out of order, a rate below zero, and bursts that do not fit", () => {
    expect(() => new RateProfile([])).toThrow(RangeError);
    expect(() => new RateProfile([{ atMs: 0, rps: -1 }])).toThrow(RangeError);
    expect(
      () =>
        new RateProfile([
          { atMs: 5, rps: 1 },
          { atMs: 4, rps: 1 },
        ]),
    ).toThrow("the point at 4 ms is out of order");
    expect(() => burstArrivals({ baseRps: 1, burstRps: 2, everyMs: 10, burstMs: 11 })).toThrow(RangeError);
  });
});
