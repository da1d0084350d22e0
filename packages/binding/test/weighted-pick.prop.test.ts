import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WeightedPick } from "../src/index.ts";

const arbWeight = fc.oneof(
  fc.constantFrom(0, 1, 0.1, 0.5, 1.005, 1e-9, 1e9, 1e308, 5e-324),
  fc.double({ min: 0, max: 1e6, noNaN: true }),
);
const arbWeights = fc.array(arbWeight, { minLength: 1, maxLength: 40, size: "max" });

/** Shares by the book, scaled so that huge weights have a finite sum. */
function expectedShares(weights: readonly number[]): readonly number[] {
  const largest = Math.max(...weights);
  if (largest === 0) return weights.map(() => 1 / weights.length);
  const sum = weights.reduce((total, each) => total + each / largest, 0);
  return weights.map((each) => each / largest / sum);
}

describe("a weighted pick", () => {
  it("holds exactly the shares of its weights", () => {
    fc.assert(
      fc.property(arbWeights, (weights) => {
        const pick = new WeightedPick(weights);
        for (const [i, share] of expectedShares(weights).entries()) {
          expect(Math.abs(pick.probability(i) - share)).toBeLessThanOrEqual(1e-12);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("picks what its table says: every part of every column", () => {
    fc.assert(
      fc.property(arbWeights, (weights) => {
        const pick = new WeightedPick(weights);
        const steps = 1000 * weights.length;
        const counts = new Array<number>(weights.length).fill(0);
        for (let i = 0; i < steps; i++) {
          const index = pick.pick({ next: () => (i + 0.5) / steps });
          counts[index] = (counts[index] ?? 0) + 1;
        }
        for (const [i, count] of counts.entries()) {
          // Each column is cut once, so the grid is off by at most one point a column.
          expect(Math.abs(count / steps - pick.probability(i))).toBeLessThanOrEqual(1 / 1000);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("never picks a weight of 0 when there is another", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, 0, 1, 3), { minLength: 1, maxLength: 12, size: "max" }),
        fc.nat(),
        (weights, seed) => {
          fc.pre(weights.some((each) => each > 0));
          const pick = new WeightedPick(weights);
          const rng = seededRng(seed);
          for (let i = 0; i < 200; i++) expect(weights[pick.pick(rng)]).toBeGreaterThan(0);
        },
      ),
    );
  });

  it("G11: takes any numbers for weights", () => {
    const hostile = fc.constantFrom(Number.NaN, -1, Number.NEGATIVE_INFINITY, 1e308, 0, 1);
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 10 }), fc.nat(), (weights, seed) => {
        const pick = new WeightedPick(weights);
        const rng = seededRng(seed);
        const usable = weights.some((each) => each > 0);
        let sum = 0;
        for (let i = 0; i < weights.length; i++) sum += pick.probability(i);
        expect(sum).toBeCloseTo(1, 12);
        for (let i = 0; i < 50; i++) {
          const weight = weights[pick.pick(rng)] as number;
          expect(usable ? weight > 0 : true).toBe(true);
        }
      }),
    );
  });

  it("gives infinite weights everything, in equal parts", () => {
    const pick = new WeightedPick([1, Number.POSITIVE_INFINITY, 5, Number.POSITIVE_INFINITY]);
    expect([0, 1, 2, 3].map((i) => pick.probability(i))).toEqual([0, 0.5, 0, 0.5]);
  });

  it("shares evenly when there is no weight above 0", () => {
    const pick = new WeightedPick([0, 0, 0, 0]);
    expect([0, 1, 2, 3].map((i) => pick.probability(i))).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  it("comes up as often as it should", () => {
    const weights = [1, 2, 0, 3, 0.5];
    const pick = new WeightedPick(weights);
    const rng = seededRng(42);
    const n = 100_000;
    const counts = new Array<number>(weights.length).fill(0);
    for (let i = 0; i < n; i++) {
      const index = pick.pick(rng);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    for (const [i, share] of expectedShares(weights).entries()) {
      expect(Math.abs((counts[i] ?? 0) / n - share)).toBeLessThanOrEqual(5 * Math.sqrt((share * (1 - share)) / n));
    }
  });

  it("refuses to be made of nothing", () => {
    expect(() => new WeightedPick([])).toThrow(TypeError);
  });
});
