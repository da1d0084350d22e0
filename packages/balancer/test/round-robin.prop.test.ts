import type { Status } from "@weftmesh/core";
import { ManualClock, seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SlowStart } from "../src/index.ts";
import { RoundRobin } from "../src/round-robin.ts";
import { type FakeNode, fakeNodes, fiveSigma, fixedRng, shares } from "./fake-node.ts";

const clock = new ManualClock();

function over(nodes: readonly FakeNode[], rng = seededRng(1)): RoundRobin<FakeNode> {
  const picker = new RoundRobin<FakeNode>(rng, clock);
  picker.rebuild(nodes);
  return picker;
}

function counts(nodes: readonly FakeNode[], calls: number, next: () => FakeNode): number[] {
  const all = nodes.map(() => 0);
  for (let i = 0; i < calls; i++) all[nodes.indexOf(next())]!++;
  return all;
}

/** Picks as the balancer does: five tries, and then whoever comes. */
function call(picker: RoundRobin<FakeNode>): FakeNode {
  for (let tries = 0; tries < 5; tries++) {
    const node = picker.pickOpen();
    if (node !== undefined) return node;
  }
  return picker.pick();
}

const arbStatuses: fc.Arbitrary<Status[]> = fc.array(fc.constantFrom<Status>("open", "open", "busy", "closed"), {
  minLength: 1,
  maxLength: 20,
});

function withStatuses(statuses: readonly Status[]): FakeNode[] {
  const nodes = fakeNodes(statuses.length);
  for (const node of nodes) node.status = statuses[node.id] as Status;
  return nodes;
}

function isOpen(node: FakeNode): boolean {
  return node.status === "open";
}

/** How many turns more one of them had than another. */
function difference(turns: readonly number[], of: readonly FakeNode[]): number {
  const each = of.map((node) => turns[node.id] as number);
  return each.length === 0 ? 0 : Math.max(...each) - Math.min(...each);
}

describe("RoundRobin", () => {
  it("gives no open node two turns more than another and the others none; when none is open, all have turns", () => {
    fc.assert(
      fc.property(arbStatuses, fc.nat(100), fc.integer(), (statuses, calls, seed) => {
        const nodes = withStatuses(statuses);
        const picker = over(nodes, seededRng(seed));
        const turns = counts(nodes, calls, () => call(picker));
        const open = nodes.filter(isOpen);
        expect(difference(turns, open.length > 0 ? open : nodes)).toBeLessThanOrEqual(1);
        for (const node of nodes) if (open.length > 0 && !isOpen(node)) expect(turns[node.id]).toBe(0);
      }),
    );
  });

  it("costs nobody a turn when nodes go down", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.nat(60), { minLength: 20, maxLength: 80 }),
        fc.integer(),
        (n, events, seed) => {
          const nodes = fakeNodes(n);
          const picker = over(nodes, seededRng(seed));
          const turns = nodes.map(() => 0);
          for (const event of events) {
            const failing = nodes[event];
            if (failing !== undefined && nodes.filter(isOpen).length > 1) failing.status = "busy";
            let node = picker.pickOpen();
            while (node === undefined) node = picker.pickOpen();
            expect(node.status).toBe("open");
            turns[node.id]!++;
          }
          expect(difference(turns, nodes.filter(isOpen))).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it("takes nodes back that are open again, within as many tries as there are nodes, and then gives all alike", () => {
    fc.assert(
      fc.property(arbStatuses, arbStatuses, fc.nat(100), fc.integer(), (before, after, calls, seed) => {
        const nodes = withStatuses(before);
        const picker = over(nodes, seededRng(seed));
        for (let i = 0; i < calls % 7; i++) call(picker);
        for (const node of nodes) node.status = after[node.id] ?? "open";
        for (let i = 0; i < 2 * nodes.length; i++) picker.pickOpen();
        const turns = counts(nodes, calls, () => call(picker));
        const open = nodes.filter(isOpen);
        for (const node of nodes) if (open.length > 0 && !isOpen(node)) expect(turns[node.id]).toBe(0);
        if (open.length > 0) expect(difference(turns, open)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("goes round from wherever chance begins, and from one set to a smaller one", () => {
    for (const point of [0, 0.5, 1 - 2 ** -53]) {
      const nodes = fakeNodes(5);
      const picker = over(nodes, fixedRng(point));
      const first = picker.pick().id;
      expect(first).toBe(Math.floor(point * 5));
      for (let i = 1; i < 11; i++) expect(picker.pick().id).toBe((first + i) % 5);
      picker.rebuild(nodes.slice(0, 2));
      expect([picker.pick(), picker.pick(), picker.pick()].map((node) => node.id % 2).join("")).toMatch(/010|101/);
    }
  });

  it("begins with each node with the same chance", () => {
    const nodes = fakeNodes(6);
    const rng = seededRng(2);
    const got = shares(6, 20_000, () => over(nodes, rng).pick().id);
    for (const share of got) expect(Math.abs(share - 1 / 6)).toBeLessThan(fiveSigma(1 / 6, 20_000));
  });

  it("goes on where it was when the set changes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.nat(30), (n, calls) => {
        const nodes = fakeNodes(n + 1);
        const picker = over(nodes.slice(0, n), fixedRng(0));
        for (let i = 0; i < calls; i++) picker.pick();
        picker.rebuild([nodes[n] as FakeNode, ...nodes.slice(0, n)]);
        expect(picker.pick().id).toBe(calls % n);
        picker.rebuild([]);
        picker.rebuild(nodes);
        expect(picker.pick().id).toBe(0);
      }),
    );
  });

  it("has all take turns, open or not, when statuses do not count", () => {
    fc.assert(
      fc.property(arbStatuses, fc.nat(100), (statuses, calls) => {
        const nodes = withStatuses(statuses);
        const picker = over(nodes);
        expect(
          difference(
            counts(nodes, calls, () => picker.pickAny()),
            nodes,
          ),
        ).toBeLessThanOrEqual(1);
        picker.rebuild(nodes.slice(0, 1));
        expect(picker.pickAny()).toBe(nodes[0]);
      }),
    );
  });

  it("looks at two nodes per try, of 100 as of 10,000", () => {
    for (const n of [100, 10_000]) {
      let looked = 0;
      const nodes = fakeNodes(n);
      for (const node of nodes) {
        const status: Status = node.id % 2 === 0 ? "open" : "busy";
        Object.defineProperty(node, "status", {
          get: () => {
            looked++;
            return status;
          },
        });
      }
      const picker = over(nodes);
      looked = 0;
      for (let i = 0; i < 1000; i++) picker.pickOpen();
      expect(looked).toBe(2000);
    }
  });

  it("passes a new node over as often as slow start says", async () => {
    const calls = 40_000;
    const at = new ManualClock();
    const nodes = fakeNodes(4);
    const picker = new RoundRobin<FakeNode>(seededRng(7), at, new SlowStart({ windowMs: 1000 }));
    (nodes[0] as FakeNode).sinceMs = 1000;
    await at.advance(1500);
    picker.rebuild(nodes);
    const got = shares(4, calls, () => picker.pick().id);
    // Half of a share, of three and a half.
    expect(Math.abs((got[0] as number) - 0.5 / 3.5)).toBeLessThan(fiveSigma(1 / 7, calls));
    await at.advance(500);
    expect(
      difference(
        counts(nodes, 8, () => picker.pick()),
        nodes,
      ),
    ).toBe(0);
  });

  it("takes one at last where slow start passes over all", () => {
    const at = new ManualClock();
    let draws = 0;
    const unlucky = { next: () => (draws++ === 0 ? 0 : 1 - 2 ** -53) };
    const picker = new RoundRobin<FakeNode>(unlucky, at, new SlowStart({ windowMs: 1000 }));
    picker.rebuild(fakeNodes(3));
    expect(picker.pick().id).toBe(32 % 3);
    expect(draws).toBe(33);
  });
});
