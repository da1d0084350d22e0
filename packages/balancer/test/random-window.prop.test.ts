import type { Status } from "@weftmesh/core";
import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RandomWindow } from "../src/random-window.ts";
import { type FakeNode, fakeNodes, fiveSigma } from "./fake-node.ts";

function inOrder(n: number): Int32Array {
  return Int32Array.from({ length: n }, (_, i) => i);
}

function over(nodes: readonly FakeNode[], weights: readonly number[], width: number): RandomWindow {
  return new RandomWindow(nodes, Float64Array.from(weights), inOrder(nodes.length), { width });
}

function even(nodes: readonly FakeNode[], width: number): RandomWindow {
  return over(nodes, new Array<number>(nodes.length).fill(1), width);
}

const rank: Record<Status, number> = { open: 0, busy: 1, closed: 2 };
const arbStatuses = fc.array(fc.constantFrom<Status>("open", "busy", "closed"), { minLength: 1, maxLength: 30 });

function withStatuses(statuses: readonly Status[]): FakeNode[] {
  return fakeNodes(statuses.length).map((node) => Object.assign(node, { status: statuses[node.id] }));
}

/** The chance that each slot is in a pair, by so many draws. */
function inPairs(window: RandomWindow, n: number, draws: number, ofAll = false): number[] {
  const rng = seededRng(11);
  const counts = new Array<number>(n).fill(0);
  for (let i = 0; i < draws; i++) {
    window.draw(rng, ofAll);
    counts[window.first]!++;
    if (window.second !== window.first) counts[window.second]!++;
  }
  return counts.map((count) => count / draws);
}

describe("RandomWindow", () => {
  it("has those that are open before the busy ones and those before the closed, each in the order it was given", () => {
    fc.assert(
      fc.property(arbStatuses, fc.integer(), (statuses, seed) => {
        const nodes = withStatuses(statuses);
        const n = nodes.length;
        const rng = seededRng(seed);
        const order = inOrder(n).sort(() => rng.next() - 0.5);
        const expected = [...order].sort((a, b) => rank[statuses[a] as Status] - rank[statuses[b] as Status]);
        for (let width = 1; width <= n; width++) {
          const window = new RandomWindow(nodes, new Float64Array(n).fill(1), order, { width });
          expect(window.size).toBe(width);
          expect(nodes.filter((node) => window.has(node.id)).map((node) => node.id)).toEqual(
            expected.slice(0, width).sort((a, b) => a - b),
          );
        }
      }),
    );
  });

  it("draws any two of the window with the same chance, in either order, and nobody else", () => {
    const draws = 60_000;
    for (const [n, width] of [
      [5, 2],
      [9, 4],
      [4, 4],
    ] as const) {
      const window = even(fakeNodes(n), width);
      const rng = seededRng(width);
      const pairs = new Map<string, number>();
      for (let i = 0; i < draws; i++) {
        window.draw(rng, false);
        const pair = `${window.first},${window.second}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
      }
      const all = width * (width - 1);
      expect(pairs.size).toBe(all);
      for (const [pair, count] of pairs) {
        expect(pair.split(",").every((slot) => Number(slot) < width)).toBe(true);
        expect(pair.split(",")[0]).not.toBe(pair.split(",")[1]);
        expect(Math.abs(count / draws - 1 / all)).toBeLessThan(fiveSigma(1 / all, draws));
      }
      const ofAll = inPairs(window, n, draws, true);
      for (const share of ofAll) expect(Math.abs(share - 2 / n)).toBeLessThanOrEqual(fiveSigma(2 / n, draws));
    }
  });

  it("has one slot twice in a window of one", () => {
    const window = even(fakeNodes(6), 1);
    window.draw(seededRng(1), false);
    expect([window.first, window.second, window.size]).toEqual([0, 0, 1]);
    expect([window.has(0), window.has(1)]).toEqual([true, false]);
  });

  it("is as wide by weight as it is by number: what may be drawn is what it says to have", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(1, 0.5, 0.1, 0.75), { minLength: 1, maxLength: 20 }),
        fc.nat(19),
        fc.integer(),
        (weights, by, seed) => {
          const n = weights.length;
          const width = 1 + (by % n);
          const window = over(fakeNodes(n), weights, width);
          const whole = weights.reduce((sum, each) => sum + each, 0);
          const mass = (width / n) * whole;
          let before = 0;
          let size = 0;
          for (const weight of weights) {
            if (before < mass - 1e-9) size++;
            before += weight;
          }
          expect(window.size).toBe(size);
          const rng = seededRng(seed);
          for (let i = 0; i < 50; i++) {
            window.draw(rng, false);
            expect(Math.max(window.first, window.second)).toBeLessThan(size);
          }
          for (const point of [0, 1 - 2 ** -53]) {
            window.draw({ next: () => point }, false);
            expect(window.first).toBe(point === 0 ? 0 : size - 1);
          }
        },
      ),
      // The border of the window is, but for rounding, one of a node.
      { examples: [[[0.1, 0.75, 0.75, 0.1], 1, 0]] },
    );
  });

  it("draws by weight, the last of the window by what of it is within", () => {
    const draws = 200_000;
    const rng = seededRng(3);
    // A width of 2 of 4 is half of all weight, 1.25: the first, and a half of the second.
    const window = over(fakeNodes(4), [1, 0.5, 0.5, 0.5], 2);
    let firsts = 0;
    for (let i = 0; i < draws; i++) {
      window.draw(rng, false);
      if (window.first === 0) firsts++;
    }
    expect(Math.abs(firsts / draws - 0.8)).toBeLessThan(fiveSigma(0.8, draws));
  });

  it("has one of half the weight in a pair as often as five draws for another let it: 0.91 of the other, of two", () => {
    const table: readonly (readonly [number, number])[] = [
      [2, 0.91],
      [3, 0.61],
      [4, 0.56],
      [6, 0.53],
      [10, 0.51],
      [100, 0.5],
    ];
    for (const [n, ratio] of table) {
      const window = over(fakeNodes(n), [0.5, ...new Array<number>(n - 1).fill(1)], n);
      const got = inPairs(window, n, 400_000);
      const full = got.slice(1).reduce((sum, each) => sum + each, 0) / (n - 1);
      expect(Math.abs((got[0] as number) / full - ratio)).toBeLessThan(0.02);
    }
  });

  it("is outdated when one that was open is found down, or one that was down is open again, and not before", () => {
    const nodes = withStatuses(["open", "open", "busy", "closed", "open"]);
    const window = even(nodes, 2);
    for (let i = 0; i < 10; i++) expect(window.outdated()).toBe(false);
    window.foundDown(2);
    window.foundDown(3);
    expect(window.outdated()).toBe(false);
    window.foundDown(4);
    expect(window.outdated()).toBe(true);
    const other = even(nodes, 2);
    (nodes[3] as FakeNode).status = "open";
    expect([other.outdated(), other.outdated()]).toEqual([false, true]);
    expect(other.outdated()).toBe(true);
  });

  it("is outdated once for every 32 nodes at most: statuses that change all the time cost no pick more than that", () => {
    for (const n of [32, 33, 64, 10_000]) {
      const nodes = fakeNodes(n);
      const window = even(nodes, 5);
      window.foundDown(0);
      let tries = 1;
      while (!window.outdated()) tries++;
      expect(tries).toBe(Math.ceil(n / 32));
    }
  });

  it("looks at one that was not open for each try", () => {
    let looked = 0;
    const nodes = fakeNodes(100);
    for (const node of nodes) {
      Object.defineProperty(node, "status", {
        get: () => {
          looked++;
          return node.id < 50 ? "open" : "busy";
        },
      });
    }
    const window = even(nodes, 5);
    looked = 0;
    for (let i = 0; i < 100; i++) window.outdated();
    expect(looked).toBe(100);
  });
});
