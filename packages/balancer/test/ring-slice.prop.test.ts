import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ringSlice } from "../src/index.ts";

const sum = (all: ArrayLike<number>): number => Array.from(all).reduce((total, each) => total + each, 0);
const slotsOf = (n: number, total: number, min: number): number =>
  Math.min(Math.ceil((Math.min(min, n) * total) / n), total);

function slices(weights: readonly number[], total: number, min: number): Float64Array[] {
  return Array.from({ length: total }, (_, instanceId) =>
    ringSlice(weights, { instanceId, totalInstances: total }, min),
  );
}

const arbCase = fc.record({
  weights: fc.oneof(
    fc.integer({ min: 1, max: 60 }).map((n) => new Array<number>(n).fill(1)),
    fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 1, maxLength: 60 }),
    fc.array(fc.constantFrom(0, 1, 1, 1e-9, 1e9), { minLength: 1, maxLength: 30 }),
  ),
  total: fc.integer({ min: 1, max: 60 }),
  min: fc.constantFrom(1, 2, 12, 12, 100),
});

/** How many runs of nodes in use there are, going round. */
function runs(slice: Float64Array): number {
  const n = slice.length;
  let begins = 0;
  for (let i = 0; i < n; i++) if ((slice[i] as number) > 0 && !((slice[(i + n - 1) % n] as number) > 0)) begins++;
  return begins;
}

describe("ringSlice", () => {
  it("is as long for each process: a whole number of slots, enough for the aperture and not one more", () => {
    fc.assert(
      fc.property(arbCase, ({ weights, total, min }) => {
        const slots = slotsOf(weights.length, total, min);
        expect(slots * weights.length).toBeGreaterThanOrEqual(Math.min(min, weights.length) * total);
        expect((slots - 1) * weights.length).toBeLessThan(Math.min(min, weights.length) * total);
        for (const slice of slices(weights, total, min)) {
          expect(Math.abs(sum(slice) - slots / total)).toBeLessThan(1e-12);
          expect(slice.every((each) => each >= 0)).toBe(true);
        }
      }),
    );
  });

  it("covers each endpoint by the same multiple of its weight, over all processes, to 1e-12", () => {
    fc.assert(
      fc.property(arbCase, ({ weights, total, min }) => {
        const slots = slotsOf(weights.length, total, min);
        const whole = sum(weights);
        const all = slices(weights, total, min);
        for (const [i, weight] of weights.entries()) {
          const share = whole > 0 ? weight / whole : 1 / weights.length;
          const covered = sum(all.map((slice) => slice[i] as number));
          expect(Math.abs(covered / slots - share)).toBeLessThan(1e-12);
        }
      }),
    );
  });

  it("uses at least the aperture's number of endpoints of equal weight, at most one more than the slice is long, in one run", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 }), (n, total) => {
        const slots = slotsOf(n, total, 12);
        for (const slice of slices(new Array<number>(n).fill(1), total, 12)) {
          const used = slice.filter((each) => each > 0).length;
          expect(used).toBeGreaterThanOrEqual(Math.min(12, n));
          expect(used).toBeLessThanOrEqual(Math.ceil((slots / total) * n - 1e-9) + 1);
          expect(runs(slice)).toBe(used === n ? 0 : 1);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("has something for everybody: one endpoint, one process, far more of either, no weight, and one that outweighs all", () => {
    const cases: [readonly number[], number][] = [
      [[1], 1],
      [[1], 1000],
      [new Array<number>(5000).fill(1), 1],
      [new Array<number>(5000).fill(1), 3],
      [[1, 1, 1], 5000],
      [[0, 0, 0], 7],
      [[1e12, 1, 1, 1], 50],
      [[1, 1e12, 1, 1], 50],
      [[1, 5e-324, 1], 9],
    ];
    for (const [weights, total] of cases) {
      const slots = slotsOf(weights.length, total, 12);
      for (let instanceId = 0; instanceId < total; instanceId += Math.ceil(total / 60)) {
        const slice = ringSlice(weights, { instanceId, totalInstances: total }, 12);
        expect(slice.some((each) => each > 0)).toBe(true);
        expect(Math.abs(sum(slice) - slots / total)).toBeLessThan(1e-12);
      }
    }
    expect([...ringSlice([0, 0], { instanceId: 0, totalInstances: 1 }, 12)]).toEqual([0.5, 0.5]);
  });

  it("leaves out what only rounding would leave over of a neighbour", () => {
    fc.assert(
      fc.property(fc.integer({ min: 24, max: 200 }), fc.integer({ min: 1, max: 30 }), (n, parts) => {
        // Slots end where endpoints end.
        const total = n / gcd(n, parts);
        for (const slice of slices(new Array<number>(n).fill(0.1), total, 12)) {
          expect(slice.every((each) => each === 0 || each > 1e-9)).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("changes about 5 % of all connections when one endpoint joins 20 to 59, for 30 processes", () => {
    let changed = 0;
    let connections = 0;
    for (let n = 20; n < 60; n++) {
      const before = slices(new Array<number>(n).fill(1), 30, 12);
      const after = slices(new Array<number>(n + 1).fill(1), 30, 12);
      for (const [id, slice] of before.entries()) {
        for (let i = 0; i < n; i++) {
          const [was, is] = [(slice[i] as number) > 0, ((after[id] as Float64Array)[i] as number) > 0];
          if (was) connections++;
          if (was !== is) changed++;
        }
      }
    }
    expect(changed / connections).toBeGreaterThan(0.01);
    expect(changed / connections).toBeLessThan(0.1);
  });

  it("refuses a coordinate that is none, by name", () => {
    for (const [instanceId, totalInstances] of [
      [-1, 3],
      [3, 3],
      [0.5, 3],
      [0, 0],
      [0, 2.5],
      [Number.NaN, 3],
      [0, Number.POSITIVE_INFINITY],
    ] as const) {
      const peer = { instanceId, totalInstances };
      expect(() => ringSlice([1, 1], peer, 2)).toThrow(
        new RangeError(`there is no process ${instanceId} of ${totalInstances}`),
      );
    }
  });
});

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
