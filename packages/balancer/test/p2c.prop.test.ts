import { compareStatus, type Rng, type Status } from "@weftmesh/core";
import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Candidate, P2c } from "../src/index.ts";

interface Plain extends Candidate {
  readonly id: number;
}

function node(id: number, status: Status, load: number): Plain {
  return { id, status, load: () => load };
}

const arbNodes = (min: number, max: number): fc.Arbitrary<Plain[]> =>
  fc
    .array(fc.tuple(fc.constantFrom<Status>("open", "open", "busy", "closed"), fc.nat({ max: 4 })), {
      minLength: min,
      maxLength: max,
    })
    .map((states) => states.map(([status, load], id) => node(id, status, load)));

/** Chance that goes through every pair of draws, each once. */
function everyPair(n: number): { rng: Rng; pairs: number } {
  const pairs = n * (n - 1);
  let at = 0;
  return { rng: { next: () => (at++ + 0.5) / pairs }, pairs };
}

function picks(nodes: readonly Plain[], rng: Rng, count: number): number[] {
  const p2c = new P2c<Plain>(rng, undefined);
  p2c.rebuild(nodes);
  const counts = nodes.map(() => 0);
  for (let i = 0; i < count; i++) counts[p2c.pick().id]!++;
  return counts;
}

/** Chernoff's distance: five standard deviations of a binomial. */
const fiveSigma = (p: number, n: number): number => 5 * Math.sqrt((p * (1 - p)) / n);

function beats(a: Plain, b: Plain): boolean {
  const order = compareStatus(a.status, b.status);
  return order > 0 || (order === 0 && a.load(0) <= b.load(0));
}

describe("P2c", () => {
  it("picks each node exactly as often as it wins among all ordered pairs", () => {
    fc.assert(
      fc.property(arbNodes(2, 8), (nodes) => {
        const { rng, pairs } = everyPair(nodes.length);
        const wins = nodes.map(() => 0);
        for (const a of nodes) for (const b of nodes) if (a !== b) wins[(beats(a, b) ? a : b).id]!++;
        expect(picks(nodes, rng, pairs)).toEqual(wins);
      }),
    );
  });

  it("gives nobody more than two of n picks, whatever the loads and statuses", () => {
    fc.assert(
      fc.property(arbNodes(2, 12), (nodes) => {
        const { rng, pairs } = everyPair(nodes.length);
        for (const count of picks(nodes, rng, pairs))
          expect(count / pairs).toBeLessThanOrEqual(2 / nodes.length + 1e-12);
      }),
    );
  });

  it("never picks the one that is strictly worst by status and load", () => {
    fc.assert(
      fc.property(arbNodes(2, 12), fc.integer(), (nodes, seed) => {
        const worst = nodes.filter((each) => nodes.every((other) => other === each || !beats(each, other)));
        const counts = picks(nodes, seededRng(seed), 200);
        for (const each of worst) expect(counts[each.id]).toBe(0);
      }),
    );
  });

  it("spreads evenly while all loads are equal", () => {
    for (const seed of [1, 2, 3]) {
      const n = 10;
      const nodes = Array.from({ length: n }, (_, id) => node(id, "open", 3));
      const counts = picks(nodes, seededRng(seed), 100_000);
      for (const count of counts) expect(Math.abs(count / 100_000 - 1 / n)).toBeLessThan(fiveSigma(1 / n, 100_000));
    }
  });

  it("gives one that is better than all others its full share of two of n", () => {
    for (const seed of [1, 2, 3]) {
      const n = 100;
      const nodes = Array.from({ length: n }, (_, id) => node(id, "open", id === 42 ? 0 : 1));
      const counts = picks(nodes, seededRng(seed), 100_000);
      expect(Math.abs((counts[42] as number) / 100_000 - 2 / n)).toBeLessThan(fiveSigma(2 / n, 100_000));
    }
  });

  it("picks the only one there is", () => {
    expect(picks([node(0, "closed", 9)], seededRng(1), 3)).toEqual([3]);
  });
});
