import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { usableWeight, WeightLine } from "../src/weights.ts";

describe("a weight that discovery gives", () => {
  it("G11: is what it is, or what it can be meant to be", () => {
    expect([1, 0, 2.5, 1e308].map(usableWeight)).toEqual([1, 0, 2.5, 1e308]);
    expect([Number.NaN, -3, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY].map(usableWeight)).toEqual([
      1,
      0,
      0,
      Number.MAX_VALUE,
    ]);
  });
});

describe("a draw by weight", () => {
  it("gives each exactly its part of the line, and nothing to a weight of 0", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 0.25, 0.5, 1), { minLength: 1, maxLength: 8 }), (weights) => {
        fc.pre(weights.some((each) => each > 0));
        const line = new WeightLine(weights);
        const quarters = weights.reduce<number>((sum, each) => sum + each, 0) * 4;
        const counts = weights.map(() => 0);
        // One point in the middle of each quarter of a unit: all are on one side of every border.
        for (let i = 0; i < quarters; i++) {
          const at = line.at((i + 0.5) / quarters);
          counts[at] = (counts[at] as number) + 1;
        }
        expect(counts).toEqual(weights.map((each) => each * 4));
        expect(weights[line.at(0)]).toBeGreaterThan(0);
        expect(weights[line.at(1 - 2 ** -53)]).toBeGreaterThan(0);
      }),
    );
  });
});
