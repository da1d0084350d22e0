import type { Status } from "@weftmesh/core";
import { ManualClock, seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SlowStart } from "../src/index.ts";
import { WeightedRoundRobin } from "../src/weighted-round-robin.ts";
import { type FakeNode, fakeNodes, fiveSigma, shares } from "./fake-node.ts";

const clock = new ManualClock();

function over(weights: readonly number[], seed = 1): { nodes: FakeNode[]; picker: WeightedRoundRobin<FakeNode> } {
  const nodes = fakeNodes(weights.length);
  const picker = new WeightedRoundRobin<FakeNode>(seededRng(seed), clock);
  picker.rebuild(nodes, relative(weights));
  return { nodes, picker };
}

function relative(weights: readonly number[]): Float64Array {
  const most = Math.max(...weights);
  return Float64Array.from(weights, (weight) => weight / most);
}

/** Numbers of the nodes, in the order of their turns. */
function turns(picker: WeightedRoundRobin<FakeNode>, calls: number): number[] {
  return Array.from({ length: calls }, () => picker.pick().id);
}

function countOf(all: readonly number[], id: number): number {
  return all.filter((each) => each === id).length;
}

const arbWeights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 });

describe("WeightedRoundRobin", () => {
  it("gives each node exactly its weight in every run of as many turns as all weights come to", () => {
    fc.assert(
      fc.property(
        // Powers of two: turns that are due at one moment are due at the same number.
        fc.array(fc.constantFrom(1, 2, 4, 8), { minLength: 1, maxLength: 12 }),
        fc.integer(),
        (weights, seed) => {
          const { picker } = over(weights, seed);
          const round = weights.reduce((sum, weight) => sum + weight, 0);
          for (let i = 0; i < 3; i++) {
            const all = turns(picker, round);
            expect(weights.map((_, id) => countOf(all, id))).toEqual(weights);
          }
        },
      ),
    );
  });

  it("gives one node, between a turn of another and its k-th next, its part of k, give or take one", () => {
    fc.assert(
      fc.property(arbWeights, fc.integer(), (weights, seed) => {
        const { picker } = over(weights, seed);
        const all = turns(picker, 300);
        for (const [a, ofA] of weights.entries()) {
          const places = [...all.keys()].filter((i) => all[i] === a);
          const from = places[0] ?? 0;
          for (const [b, ofB] of weights.entries()) {
            if (b === a) continue;
            let seen = 0;
            for (let k = 1, i = from + 1; k < places.length; k++) {
              for (; i < (places[k] as number); i++) if (all[i] === b) seen++;
              if (Math.abs(seen - (k * ofB) / ofA) > 1 + 1e-9) expect.fail(`${seen} of ${(k * ofB) / ofA}`);
            }
          }
        }
      }),
    );
  });

  it("spreads a heavy node's turns: five of seven are never more than four in a row, as by nginx", () => {
    for (let seed = 0; seed < 50; seed++) {
      const { picker } = over([5, 1, 1], seed);
      expect(turns(picker, 70).join("")).not.toContain("00000");
    }
  });

  it("mixes 1,000 light nodes evenly with one that is as heavy as all of them", () => {
    const { picker } = over([1000, ...new Array<number>(1000).fill(1)]);
    const all = turns(picker, 4000);
    for (let i = 0; i + 100 <= all.length; i += 100) {
      const heavy = countOf(all.slice(i, i + 100), 0);
      expect(heavy).toBeGreaterThanOrEqual(45);
      expect(heavy).toBeLessThanOrEqual(55);
    }
  });

  it("does not begin with the same node in each process", () => {
    const first = shares(4, 2000, (seed) => turns(over([1, 1, 1, 1], seed).picker, 1)[0] as number);
    for (const share of first) expect(share).toBeGreaterThan(0.1);
  });

  it("gives the turns of nodes that are not open to the others by weight, and lets nobody catch up", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(1, 2, 4, 8), { minLength: 2, maxLength: 8 }),
        fc.nat(200),
        fc.integer(),
        (weights, calls, seed) => {
          const { nodes, picker } = over(weights, seed);
          const failing = nodes[0] as FakeNode;
          turns(picker, calls % 13);
          failing.status = "busy";
          const without = turns(picker, calls);
          expect(without).not.toContain(0);
          failing.status = "open";
          // Its first turn comes within its first gap, and then it has its part: no more, for those that it missed.
          const round = weights.reduce((sum, weight) => sum + weight, 0);
          expect(countOf(turns(picker, 4 * round), 0)).toBeLessThanOrEqual(4 * (weights[0] as number) + 1);
          const settled = turns(picker, round);
          expect(weights.map((_, id) => countOf(settled, id))).toEqual(weights);
        },
      ),
    );
  });

  it("goes by weight among those that are not open when none is, and among all when statuses do not count", () => {
    const { nodes, picker } = over([4, 2, 1, 1]);
    for (const node of nodes) node.status = node.id === 0 ? "closed" : "busy";
    expect(picker.pickOpen()).toBe(undefined);
    const down = turns(picker, 16);
    expect(nodes.map((node) => countOf(down, node.id))).toEqual([8, 4, 2, 2]);
    (nodes[2] as FakeNode).status = "open";
    const any = Array.from({ length: 16 }, () => picker.pickAny().id);
    expect(nodes.map((node) => countOf(any, node.id))).toEqual([8, 4, 2, 2]);
  });

  it("lets nobody catch up either where statuses do not count any more", () => {
    const { nodes, picker } = over([1, 1, 1, 1]);
    (nodes[0] as FakeNode).status = "busy";
    turns(picker, 1000);
    const any = Array.from({ length: 8 }, () => picker.pickAny().id);
    expect(countOf(any, 0)).toBeLessThanOrEqual(3);
    for (const node of nodes) node.status = "busy";
    turns(picker, 1000);
    const down = turns(picker, 8);
    expect(nodes.map((node) => countOf(down, node.id))).toEqual([2, 2, 2, 2]);
  });

  it("keeps each node's place when the set changes: updates after each pick give everybody his part", () => {
    fc.assert(
      fc.property(arbWeights, fc.integer(), (weights, seed) => {
        const { nodes, picker } = over(weights, seed);
        const calm = over(weights, seed).picker;
        const parts = relative(weights);
        for (let i = 0; i < 60; i++) {
          expect(picker.pick().id).toBe(calm.pick().id);
          picker.rebuild(nodes, parts);
        }
      }),
    );
  });

  it("lets a weight change: one that waits waits as much of its new gap", () => {
    const { nodes, picker } = over([1, 1]);
    const before = turns(picker, 7);
    picker.rebuild(nodes, relative([1, 4]));
    const all = turns(picker, 50);
    expect(countOf(all, 1)).toBe(40);
    expect(before.length).toBe(7);
  });

  it("gives a node with next to no weight no turn, and whoever is left alone all", () => {
    const { nodes, picker } = over([1, 1e-300]);
    picker.rebuild(nodes, Float64Array.of(1, Number.MIN_VALUE));
    expect(countOf(turns(picker, 1000), 1)).toBeLessThanOrEqual(1);
    (nodes[0] as FakeNode).status = "busy";
    expect(turns(picker, 1000)).toEqual(new Array(1000).fill(1));
    (nodes[0] as FakeNode).status = "open";
    expect(countOf(turns(picker, 1000), 1)).toBeLessThanOrEqual(1);
  });

  it("stays exact when its numbers would have grown beyond what numbers are exact to", () => {
    const { nodes, picker } = over([1, 1, 1]);
    picker.rebuild(nodes, Float64Array.of(1, 0.5, Number.MIN_VALUE));
    const [full, half] = nodes as [FakeNode, FakeNode];
    full.status = half.status = "busy";
    // The turns of the third are 1e12 apart.
    turns(picker, 20_000);
    full.status = half.status = "open";
    turns(picker, 6);
    const all = turns(picker, 300);
    expect(nodes.map((node) => countOf(all, node.id))).toEqual([200, 100, 0]);
  });

  it("passes a new node over as often as slow start says, and takes one at last", async () => {
    const calls = 40_000;
    const at = new ManualClock();
    const nodes = fakeNodes(4);
    const picker = new WeightedRoundRobin<FakeNode>(seededRng(7), at, new SlowStart({ windowMs: 1000 }));
    (nodes[0] as FakeNode).sinceMs = 1000;
    await at.advance(1500);
    picker.rebuild(nodes);
    const got = shares(4, calls, () => picker.pick().id);
    expect(Math.abs((got[0] as number) - 0.5 / 3.5)).toBeLessThan(fiveSigma(1 / 7, calls));
    await at.advance(500);
    const after = turns(picker, 8);
    for (const node of nodes) expect(countOf(after, node.id)).toBe(2);
    let draws = 0;
    const unlucky = { next: () => (draws++ === 0 ? 0 : 1 - 2 ** -53) };
    const new1 = new WeightedRoundRobin<FakeNode>(unlucky, at, new SlowStart({ windowMs: 10_000 }));
    new1.rebuild(fakeNodes(3).map((node) => Object.assign(node, { sinceMs: at.now() })));
    new1.pick();
    expect(draws).toBe(33);
  });

  it("finds the one that is open among 1,000 at once, and looks at 17 nodes for a pick while there are others", () => {
    const nodes = fakeNodes(1000);
    let looked = 0;
    for (const node of nodes) {
      let status: Status = "busy";
      Object.defineProperty(node, "status", {
        get: () => {
          looked++;
          return status;
        },
        set: (value: Status) => {
          status = value;
        },
      });
    }
    const picker = new WeightedRoundRobin<FakeNode>(seededRng(1), clock);
    picker.rebuild(nodes);
    (nodes[700] as FakeNode).status = "open";
    expect(picker.pickOpen()?.id).toBe(700);
    looked = 0;
    picker.pickOpen();
    expect(looked).toBe(17);
  });
});
