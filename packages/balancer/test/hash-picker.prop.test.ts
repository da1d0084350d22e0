import { Ctx, type Status } from "@weftmesh/core";
import { type Address, address, showAddress } from "@weftmesh/naming";
import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HashPicker, type SharedLoad } from "../src/hash-picker.ts";
import { HashRing } from "../src/hash-ring.ts";
import type { NewHashTable } from "../src/hash-table.ts";
import { MaglevTable } from "../src/maglev-table.ts";
import { textHash } from "../src/text-hash.ts";

class TestNode {
  readonly id: number;
  readonly address: Address;
  status: Status = "open";
  pending = 0;
  shared: SharedLoad = { pending: 0 };
  /** How often it was looked at. */
  reads = 0;

  constructor(id: number) {
    this.id = id;
    this.address = address(`10.0.0.${id}`, 80);
    const { status } = this;
    let now: Status = status;
    Object.defineProperty(this, "status", {
      get: () => {
        this.reads++;
        return now;
      },
      set: (next: Status) => {
        now = next;
      },
    });
  }

  begin(): void {
    this.pending++;
    this.shared.pending++;
  }

  end(): void {
    this.pending--;
    this.shared.pending--;
  }
}

const ring: NewHashTable = (names, weights) => new HashRing(names, weights, { pointsPerHost: 40, maxPoints: 1e6 });
const maglev: NewHashTable = (names, weights) => new MaglevTable(names, weights, 1009);

interface Setup {
  readonly picker: HashPicker<TestNode>;
  readonly nodes: TestNode[];
}

function setup(
  n: number,
  options: {
    newTable?: NewHashTable;
    maxHosts?: number;
    loadFactor?: number;
    weights?: Float64Array;
    seed?: number;
  } = {},
): Setup {
  const picker = new HashPicker<TestNode>(seededRng(options.seed ?? 1), {
    key: (req) => req as string | undefined,
    newTable: options.newTable ?? ring,
    maxHosts: options.maxHosts ?? 32,
    loadFactor: options.loadFactor ?? Number.POSITIVE_INFINITY,
  });
  const nodes = Array.from({ length: n }, (_, id) => new TestNode(id));
  picker.rebuild(nodes, options.weights);
  return { picker, nodes };
}

const ctx = new Ctx();
const keys = Array.from({ length: 300 }, (_, i) => `user-${i}`);
const tables = [
  ["a ring", ring],
  ["a Maglev table", maglev],
] as const;

/** Five standard deviations of a binomial. */
const fiveSigma = (p: number, n: number): number => 5 * Math.sqrt((p * (1 - p)) / n);

describe.each(tables)("calls with a key, by %s", (_name, newTable) => {
  it("all go to one host, which does not depend on how busy it is or on who asks", () => {
    const one = setup(10, { newTable, seed: 1 });
    const other = setup(10, { newTable, seed: 2 });
    (one.nodes[3] as TestNode).pending = 1000;
    for (const key of keys) {
      const node = one.picker.pickOpen(key, ctx);
      expect(one.picker.pick(key, ctx)).toBe(node);
      expect(one.picker.pickAny(key, ctx)).toBe(node);
      expect(other.picker.pick(key, ctx).id).toBe(node?.id);
    }
  });

  it("go to the next open host in line, however many before it are not open, and back when it is", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        (n, up) => {
          const { picker, nodes } = setup(n, { newTable });
          const names = nodes.map((node) => showAddress(node.address));
          const table = newTable(names, new Float64Array(n).fill(1));
          nodes.forEach((node, i) => {
            node.status = up[i] === true ? "open" : "busy";
          });
          for (const key of keys.slice(0, 40)) {
            const place = table.placeOf(textHash(key, 0));
            let expected: TestNode | undefined;
            for (let i = 0; i < table.owners.length && expected === undefined; i++) {
              const node = nodes[table.owners[(place + i) % table.owners.length] as number] as TestNode;
              if (node.status === "open") expected = node;
            }
            expect(picker.pickOpen(key, ctx)).toBe(expected);
            // Whatever comes, and in panic: the key's own host.
            const own = nodes[table.owners[place] as number];
            expect([picker.pick(key, ctx), picker.pickAny(key, ctx)]).toEqual([own, own]);
          }
        },
      ),
    );
  });

  it("try no more hosts than they may, each once", () => {
    for (const maxHosts of [1, 2, 5]) {
      const { picker, nodes } = setup(20, { newTable, maxHosts });
      for (const node of nodes) node.status = "busy";
      for (const key of keys) {
        for (const node of nodes) node.reads = 0;
        expect(picker.pickOpen(key, ctx)).toBeUndefined();
        expect(nodes.map((node) => node.reads).filter((reads) => reads > 0)).toEqual(Array(maxHosts).fill(1));
      }
    }
  });

  it("find the only open host of a few, were it to have hardly a place at all", () => {
    const weights = new Float64Array(30).fill(1);
    weights[7] = 1e-9;
    const { picker, nodes } = setup(30, { newTable, weights });
    for (const node of nodes) node.status = node.id === 7 ? "open" : "closed";
    for (const key of keys) expect(picker.pickOpen(key, ctx)?.id).toBe(7);
    (nodes[7] as TestNode).status = "busy";
    for (const key of keys) expect(picker.pickOpen(key, ctx)).toBeUndefined();
  });

  it("get each host its share of keys by weight", () => {
    const weights = Float64Array.from([1, 1, 0.5, 0.25]);
    const { picker } = setup(4, {
      newTable: (names, all) =>
        newTable === ring ? new HashRing(names, all, { pointsPerHost: 2000, maxPoints: 1e6 }) : newTable(names, all),
      weights,
    });
    const counts = [0, 0, 0, 0];
    const many = 40_000;
    for (let i = 0; i < many; i++) {
      const { id } = picker.pick(`key ${i}`, ctx);
      counts[id] = (counts[id] as number) + 1;
    }
    counts.forEach((count, id) => {
      const share = (weights[id] as number) / 2.75;
      expect(Math.abs(count / many - share)).toBeLessThanOrEqual(fiveSigma(share, many) + 5 * share * 0.045);
    });
  });
});

describe("bounded loads", () => {
  it("never let a host have more than its bound while all are open, and keep a key at home as long as there is room", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.constantFrom(1.1, 1.25, 2),
        fc.array(fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 3 })), { maxLength: 200 }),
        fc.constantFrom(ring, maglev),
        fc.boolean(),
        (n, loadFactor, steps, newTable, weighted) => {
          const weights = Float64Array.from({ length: n }, (_, i) => (weighted && i > 0 ? 0.5 : 1));
          const whole = weights.reduce((sum, each) => sum + each, 0);
          const { picker } = setup(n, { loadFactor, newTable, weights });
          const open: TestNode[] = [];
          for (const [key, ends] of steps) {
            const boundOf = (node: TestNode): number =>
              Math.ceil((loadFactor * (weights[node.id] as number) * (open.length + 1)) / whole);
            const home = picker.pick(`user-${key}`, ctx);
            const node = picker.pickOpen(`user-${key}`, ctx) as TestNode;
            expect(node.pending).toBeLessThan(boundOf(node));
            if (home.pending < boundOf(home)) expect(node).toBe(home);
            else expect(node).not.toBe(home);
            expect(picker.pickAny(`user-${key}`, ctx)).toBe(node);
            node.begin();
            open.push(node);
            for (let i = 0; i < ends && open.length > 0; i++) open.splice((key * 7 + i) % open.length, 1)[0]?.end();
          }
        },
      ),
    );
  });

  it("take a full host rather than none, and the first of several in line", () => {
    const { picker, nodes } = setup(3, { loadFactor: 1.1 });
    const home = picker.pick("user-1", ctx);
    // Only the key's own host is open, and far above its share.
    for (const node of nodes) node.status = node === home ? "open" : "busy";
    for (let i = 0; i < 50; i++) home.begin();
    expect(picker.pickOpen("user-1", ctx)).toBe(home);
    home.status = "busy";
    const [second, third] = nodes.filter((node) => node !== home) as [TestNode, TestNode];
    for (const node of [second, third]) {
      node.status = "open";
      for (let i = 0; i < 100; i++) node.begin();
    }
    // Both are as full: the one that is next in line.
    const table = ring(
      nodes.map((node) => showAddress(node.address)),
      new Float64Array(3).fill(1),
    );
    const place = table.placeOf(textHash("user-1", 0));
    const line = Array.from({ length: table.owners.length }, (_, i) => table.owners[(place + i) % table.owners.length]);
    const next = nodes[line.find((id) => id !== home.id) as number];
    expect(picker.pickOpen("user-1", ctx)).toBe(next);
    home.status = "open";
    expect(picker.pickOpen("user-1", ctx)).toBe(home);
  });

  it("count what is in flight with those that are there, and not with those that left", () => {
    const { picker, nodes } = setup(4, { loadFactor: 1.5 });
    const [a, b, c, d] = nodes as [TestNode, TestNode, TestNode, TestNode];
    for (const node of nodes) for (let i = 0; i < 10; i++) node.begin();
    picker.rebuild([a, b]);
    expect(a.shared).toBe(b.shared);
    expect(a.shared.pending).toBe(20);
    c.end();
    d.end();
    expect(a.shared.pending).toBe(20);
    a.end();
    expect([a.pending, a.shared.pending]).toEqual([9, 19]);
  });
});

describe("calls without a key", () => {
  it("go to the better of two, drawn by weight", () => {
    const weights = Float64Array.from([1, 1, 0.5, 0.5]);
    const { picker, nodes } = setup(4, { weights });
    const counts = [0, 0, 0, 0];
    const many = 40_000;
    for (let i = 0; i < many; i++) {
      const { id } = picker.pick(undefined, ctx);
      counts[id] = (counts[id] as number) + 1;
    }
    // With nobody in flight the first draw wins, so shares are those of the weights.
    counts.forEach((count, id) => {
      const share = (weights[id] as number) / 3;
      expect(Math.abs(count / many - share)).toBeLessThanOrEqual(fiveSigma(share, many));
    });
    // By load for its weight: 3 of 1 are less than 2 of a half.
    nodes.forEach((node, id) => {
      node.pending = id < 2 ? 3 : 2;
    });
    (nodes[1] as TestNode).status = "busy";
    const before = [...counts];
    for (let i = 0; i < 1000; i++) {
      const node = picker.pickOpen(undefined, ctx);
      expect(node?.status).toBe("open");
      counts[node?.id ?? 1] = (counts[node?.id ?? 1] as number) + 1;
    }
    expect(counts[1]).toBe(before[1]);
    expect((counts[0] as number) - (before[0] as number)).toBeGreaterThan(500);
  });

  it("prefer open hosts, find none where there is none, and take what there is in the end", () => {
    const { picker, nodes } = setup(2);
    for (const node of nodes) node.status = "busy";
    expect(picker.pickOpen(undefined, ctx)).toBeUndefined();
    expect(nodes).toContain(picker.pick(undefined, ctx));
    expect(nodes).toContain(picker.pickAny(undefined, ctx));
    (nodes[1] as TestNode).status = "open";
    for (let i = 0; i < 100; i++) expect(picker.pickOpen(undefined, ctx)).toBe(nodes[1]);
    // Status comes before load; both draws are the same one in 32 times.
    (nodes[1] as TestNode).pending = 9;
    let busy = 0;
    for (let i = 0; i < 2000; i++) if (picker.pick(undefined, ctx) === nodes[0]) busy++;
    expect(busy / 2000).toBeLessThanOrEqual(1 / 64 + fiveSigma(1 / 64, 2000));
    const only = setup(1);
    expect(only.picker.pick(undefined, ctx)).toBe(only.nodes[0]);
  });
});
