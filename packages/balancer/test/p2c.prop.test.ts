import { compareStatus, type Rng, type Status } from "@weftmesh/core";
import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Candidate, P2c } from "../src/index.ts";

interface Plain extends Candidate {
  readonly id: number;
}

function node(id: number, status: Status, load: number): Plain {
  return { id, status, sinceMs: 0, load: () => load };
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

  it("gives one that comes back, and is better than the others, two of n again", () => {
    const n = 50;
    const calls = 50_000;
    const nodes = Array.from({ length: n }, (_, id) => ({ ...node(id, "open", id === 7 ? 0 : 1) }));
    (nodes[7] as { status: Status }).status = "busy";
    expect(picks(nodes, seededRng(1), calls)[7]).toBe(0);
    (nodes[7] as { status: Status }).status = "open";
    expect(Math.abs((picks(nodes, seededRng(2), calls)[7] as number) / calls - 2 / n)).toBeLessThan(
      fiveSigma(2 / n, calls),
    );
  });

  it("tries for an open one as it picks: the same pairs, and nothing where neither of two is open", () => {
    fc.assert(
      fc.property(arbNodes(1, 8), (nodes) => {
        const pairs = Math.max(nodes.length * (nodes.length - 1), 1);
        for (let at = 0; at < pairs; at++) {
          const rng: Rng = { next: () => (at + 0.5) / pairs };
          const p2c = new P2c<Plain>(rng, undefined);
          p2c.rebuild(nodes);
          const picked = p2c.pick();
          expect(p2c.pickOpen()).toBe(picked.status === "open" ? picked : undefined);
        }
      }),
    );
  });

  it("goes by load alone when every status is to be ignored", () => {
    fc.assert(
      fc.property(arbNodes(1, 8), (nodes) => {
        const pairs = Math.max(nodes.length * (nodes.length - 1), 1);
        for (let at = 0; at < pairs; at++) {
          const rng: Rng = { next: () => (at + 0.5) / pairs };
          const real = new P2c<Plain>(rng, undefined);
          real.rebuild(nodes);
          const open = new P2c<Plain>(rng, undefined);
          open.rebuild(nodes.map((each) => ({ ...each, status: "open" as const })));
          expect(real.pickAny().id).toBe(open.pick().id);
        }
      }),
    );
  });

  it("keeps the cap of two of n for calls too, though several pairs are tried: (2/n)/(1 - q)", () => {
    const n = 20;
    const calls = 50_000;
    // A node that looks idle always, as one that fails at once does, among busy and loaded ones.
    const nodes = Array.from({ length: n }, (_, id) => node(id, id % 2 === 0 ? "open" : "busy", id === 0 ? 0 : 9));
    const p2c = new P2c<Plain>(seededRng(3), undefined);
    p2c.rebuild(nodes);
    let hits = 0;
    for (let i = 0; i < calls; i++) {
      let picked: Plain | undefined;
      for (let tries = 0; tries < 5 && picked === undefined; tries++) picked = p2c.pickOpen();
      if (picked?.id === 0) hits++;
    }
    const q = ((n / 2) * (n / 2 - 1)) / (n * (n - 1));
    const cap = 2 / n / (1 - q);
    expect(hits / calls).toBeLessThanOrEqual(cap + fiveSigma(cap, calls));
  });

  it("looks at two nodes and draws one number, of 100 as of 100,000", () => {
    for (const n of [100, 100_000]) {
      const seen = { status: 0, load: 0, draws: 0 };
      const rng = seededRng(1);
      const p2c = new P2c<Candidate>(
        {
          next: () => {
            seen.draws++;
            return rng.next();
          },
        },
        undefined,
      );
      p2c.rebuild(
        Array.from({ length: n }, () => ({
          get status(): Status {
            seen.status++;
            return "open";
          },
          sinceMs: 0,
          load: () => ++seen.load,
        })),
      );
      for (let i = 0; i < 1000; i++) p2c.pickOpen();
      expect(seen).toEqual({ status: 2000, load: 2000, draws: 1000 });
    }
  });

  it("draws within its nodes, whatever a number below 1 may round to", () => {
    for (const n of [2, 3, 7, 100, 99_999]) {
      const nodes = Array.from({ length: n }, (_, id) => node(id, "open", 0));
      for (const point of [0, 1 - 2 ** -53, 0.5, 1 / 3]) {
        const p2c = new P2c<Plain>({ next: () => point }, undefined);
        p2c.rebuild(nodes);
        expect([p2c.pick(), p2c.pickOpen(), p2c.pickAny()]).not.toContain(undefined);
      }
    }
  });

  it("takes the first drawn of two that are equal", () => {
    for (const [point, id] of [
      [0.25, 0],
      [0.75, 1],
    ] as const) {
      const p2c = new P2c<Plain>({ next: () => point }, undefined);
      p2c.rebuild([node(0, "open", 2), node(1, "open", 2)]);
      expect([p2c.pick().id, p2c.pickOpen()?.id, p2c.pickAny().id]).toEqual([id, id, id]);
    }
  });

  it("picks the only one there is", () => {
    expect(picks([node(0, "closed", 9)], seededRng(1), 3)).toEqual([3]);
    const p2c = new P2c<Plain>(seededRng(1), undefined);
    p2c.rebuild([node(0, "busy", 0)]);
    expect([p2c.pickOpen(), p2c.pickAny().id]).toEqual([undefined, 0]);
  });
});
