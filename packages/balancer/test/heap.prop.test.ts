import type { Status } from "@weftmesh/core";
import { seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeapPicker } from "../src/heap.ts";
import { type FakeNode, fakeNodes, fiveSigma, shares } from "./fake-node.ts";

interface Model {
  /** Those that are picked from. */
  set: readonly FakeNode[];
  /** One for each call in flight. */
  readonly calls: FakeNode[];
}

interface Real {
  readonly picker: HeapPicker<FakeNode>;
  readonly all: readonly FakeNode[];
}

type Step = fc.Command<Model, Real>;

function least(nodes: readonly FakeNode[]): number {
  return Math.min(...nodes.map((node) => node.pending));
}

function check({ set }: Model, { picker }: Real): void {
  if (set.length === 0) return;
  const open = set.filter((node) => node.status === "open");
  const tried = picker.pickOpen();
  const picked = picker.pick();
  if (open.length === 0) {
    expect(tried).toBe(undefined);
    expect(picked.pending).toBe(least(set));
  } else {
    expect(tried?.status).toBe("open");
    expect(tried?.pending).toBe(least(open));
    expect(picked).toBe(tried);
  }
  expect(set).toContain(picked);
  expect(picker.pickAny().pending).toBe(least(set));
}

class Begin implements Step {
  check({ set }: Model): boolean {
    return set.length > 0;
  }
  run(model: Model, real: Real): void {
    model.calls.push(real.picker.pick().begin());
    check(model, real);
  }
  toString(): string {
    return "begin";
  }
}

class End implements Step {
  readonly at: number;
  constructor(at: number) {
    this.at = at;
  }
  check({ calls }: Model): boolean {
    return calls.length > 0;
  }
  run(model: Model, real: Real): void {
    const [node] = model.calls.splice(this.at % model.calls.length, 1);
    node?.end();
    check(model, real);
  }
  toString(): string {
    return `end(${this.at})`;
  }
}

class SetStatus implements Step {
  readonly id: number;
  readonly status: Status;
  constructor(id: number, status: Status) {
    this.id = id;
    this.status = status;
  }
  check(): boolean {
    return true;
  }
  run(model: Model, real: Real): void {
    (real.all[this.id] as FakeNode).status = this.status;
    check(model, real);
  }
  toString(): string {
    return `${this.id} is ${this.status}`;
  }
}

class Update implements Step {
  readonly ids: readonly number[];
  constructor(ids: readonly number[]) {
    this.ids = ids;
  }
  check(): boolean {
    return true;
  }
  run(model: Model, real: Real): void {
    model.set = this.ids.map((id) => real.all[id] as FakeNode);
    real.picker.rebuild(model.set);
    for (const node of real.all) expect(node.listener).toBe(model.set.includes(node) ? real.picker : undefined);
    check(model, real);
  }
  toString(): string {
    return `update(${this.ids})`;
  }
}

const size = 8;
const id = fc.nat(size - 1);
const steps = fc.commands<Model, Real>(
  [
    fc.constant(new Begin()),
    fc.constant(new Begin()),
    id.map((at) => new End(at)),
    id.map((at) => new End(at)),
    fc
      .tuple(id, fc.constantFrom<Status>("open", "open", "busy", "closed"))
      .map(([at, status]) => new SetStatus(at, status)),
    fc.uniqueArray(id, { maxLength: size }).map((ids) => new Update(ids)),
  ],
  { maxCommands: 400, size: "max" },
);

describe("HeapPicker", () => {
  it("picks the least loaded of all that are open, through any run of calls, failures, revivals and updates", () => {
    fc.assert(
      fc.property(steps, fc.integer(), (commands, seed) => {
        fc.modelRun(() => {
          const all = fakeNodes(size);
          const picker = new HeapPicker<FakeNode>(seededRng(seed));
          picker.rebuild(all);
          return { model: { set: all, calls: [] }, real: { picker, all } };
        }, commands);
      }),
    );
  });

  it("picks a node with the fewest calls in each of 100,000 steps, with nodes that fall idle all the time", () => {
    const nodes = fakeNodes(size);
    const rng = seededRng(3);
    const picker = new HeapPicker<FakeNode>(seededRng(4));
    picker.rebuild(nodes);
    const calls: FakeNode[] = [];
    let wrong = 0;
    for (let i = 0; i < 100_000; i++) {
      // About as many calls as there are nodes: some have several, some none.
      if (rng.next() * 2 * size >= calls.length) {
        const node = picker.pick();
        if (node.pending !== least(nodes)) wrong++;
        calls.push(node.begin());
      } else calls.splice(Math.floor(rng.next() * calls.length), 1)[0]?.end();
    }
    expect(wrong).toBe(0);
  });

  it("gives the calls that nobody else has to all idle nodes alike, one at a time", () => {
    const calls = 80_000;
    for (const n of [2, 8, 13]) {
      const nodes = fakeNodes(n);
      const picker = new HeapPicker<FakeNode>(seededRng(n));
      picker.rebuild(nodes);
      const got = shares(n, calls, () => {
        const node = picker.pick().begin();
        node.end();
        return node.id;
      });
      for (const share of got) expect(Math.abs(share - 1 / n)).toBeLessThan(fiveSigma(1 / n, calls));
    }
  });

  it("begins with any of the idle nodes, with the same chance", () => {
    const n = 7;
    const runs = 20_000;
    const rng = seededRng(9);
    const nodes = fakeNodes(n);
    const busy = nodes[3]?.begin() as FakeNode;
    const got = shares(n, runs, () => {
      const picker = new HeapPicker<FakeNode>(rng);
      picker.rebuild(nodes);
      return picker.pick().id;
    });
    expect(got[busy.id]).toBe(0);
    for (const node of nodes) {
      if (node === busy) continue;
      expect(Math.abs((got[node.id] as number) - 1 / (n - 1))).toBeLessThan(fiveSigma(1 / (n - 1), runs));
    }
  });

  it("takes a node back with the load that it has, be it an hour and 1e6 calls later", () => {
    const [a, b] = fakeNodes(2) as [FakeNode, FakeNode];
    const picker = new HeapPicker<FakeNode>(seededRng(1));
    picker.rebuild([a, b]);
    a.begin();
    a.status = "busy";
    for (let i = 0; i < 1e6; i++) b.begin();
    expect(picker.pick()).toBe(b);
    a.status = "open";
    for (let i = 1; i < 1e6; i++) a.begin();
    expect([a.pending, b.pending]).toEqual([1e6, 1e6]);
    b.end();
    expect(picker.pick()).toBe(b);
    a.end();
    a.end();
    expect(picker.pick()).toBe(a);
  });

  it("looks at 17 nodes for a pick while others are open, and finds those that are open again in turn", () => {
    const n = 2000;
    let looked = 0;
    const nodes = fakeNodes(n);
    for (const node of nodes) {
      let status: Status = node.id === 0 ? "open" : "busy";
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
    const picker = new HeapPicker<FakeNode>(seededRng(1));
    picker.rebuild(nodes);
    looked = 0;
    (nodes[0] as FakeNode).begin();
    expect(picker.pick().id).toBe(0);
    expect(looked).toBe(17);
    (nodes[1234] as FakeNode).status = "open";
    let picks = 1;
    while (picker.pick().id !== 1234) picks++;
    expect(picks).toBeLessThanOrEqual(Math.ceil((n - 1) / 16));
  });

  it("looks at 1,040 for a pick when none is open, and takes the least loaded of all", () => {
    const nodes = fakeNodes(1040);
    for (const node of nodes) node.status = "busy";
    const picker = new HeapPicker<FakeNode>(seededRng(1));
    picker.rebuild(nodes);
    for (const node of nodes) if (node.id !== 77) node.begin();
    expect([picker.pickOpen(), picker.pick().id]).toEqual([undefined, 77]);
    for (const id of [0, 260, 520, 780, 1039]) {
      (nodes[id] as FakeNode).status = "open";
      expect(picker.pickOpen()?.id).toBe(id);
      (nodes[id] as FakeNode).status = "busy";
      expect(picker.pickOpen()).toBe(undefined);
    }
  });

  it("hears no more of its nodes once it is closed, and leaves those alone that another hears of", () => {
    const nodes = fakeNodes(3);
    const before = new HeapPicker<FakeNode>(seededRng(1));
    before.rebuild(nodes);
    const after = new HeapPicker<FakeNode>(seededRng(1));
    after.rebuild(nodes.slice(1));
    before.close();
    expect(nodes.map((node) => node.listener)).toEqual([undefined, after, after]);
    expect(nodes.map((node) => node.slot)).toEqual([0, 0, 1]);
  });
});
