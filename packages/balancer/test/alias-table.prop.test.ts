import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AliasTable } from "../src/alias-table.ts";
import { fiveSigma, shares } from "./fake-node.ts";

const arbWeights = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 100 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(1e-12, 1e12)),
  { minLength: 1, maxLength: 40 },
);

/** A first point of a column: a quotient times its divisor may be less than the dividend. */
function startOf(column: number, n: number): number {
  let point = column / n;
  while (Math.floor(point * n) < column) point *= 1 + Number.EPSILON;
  return point;
}

/** A last point of a column. */
function endOf(column: number, n: number): number {
  let point = (column + 1) / n;
  while (Math.floor(point * n) > column) point *= 1 - Number.EPSILON;
  return point;
}

/** The chance of each, exactly: where each column changes over is found by halving. */
function chances(table: AliasTable, n: number): number[] {
  const all = new Array<number>(n).fill(0);
  for (let column = 0; column < n; column++) {
    const own = table.at(startOf(column, n));
    let low = startOf(column, n);
    let high = endOf(column, n);
    if (table.at(high) !== own) {
      for (let i = 0; i < 80; i++) {
        const middle = (low + high) / 2;
        if (table.at(middle) === own) low = middle;
        else high = middle;
      }
      const other = table.at(high);
      all[own]! += high - column / n;
      all[other]! += (column + 1) / n - high;
    } else all[own]! += 1 / n;
  }
  return all;
}

describe("AliasTable", () => {
  it("gives each its share of all weight to 1e-12, and those without weight nothing", () => {
    fc.assert(
      fc.property(arbWeights, (weights) => {
        const whole = weights.reduce((sum, weight) => sum + weight, 0);
        const table = new AliasTable(weights);
        const got = chances(table, weights.length);
        for (const [i, weight] of weights.entries()) {
          const share = whole > 0 ? weight / whole : 1 / weights.length;
          expect(Math.abs((got[i] as number) - share)).toBeLessThan(1e-12);
          if (whole > 0 && weight === 0) {
            expect(got[i]).toBeLessThan(1e-15);
            expect(table.at(startOf(i, weights.length))).not.toBe(i);
          }
        }
      }),
    );
  });

  it("draws by weight", () => {
    const weights = [5, 0, 1, 2.5, 1.5];
    const table = new AliasTable(weights);
    const rng = seededRng(4);
    const calls = 200_000;
    const got = shares(5, calls, () => table.at(rng.next()));
    for (const [i, weight] of weights.entries()) {
      expect(Math.abs((got[i] as number) - weight / 10)).toBeLessThanOrEqual(fiveSigma(weight / 10, calls));
    }
  });

  it("stays within its numbers at both ends", () => {
    for (const n of [1, 2, 3, 7, 99_999]) {
      const table = new AliasTable(new Array<number>(n).fill(1));
      expect(table.at(0)).toBe(0);
      expect(table.at(1 - 2 ** -53)).toBe(n - 1);
    }
  });
});
