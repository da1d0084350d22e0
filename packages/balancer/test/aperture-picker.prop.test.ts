import type { Rng, Status } from "@weftmesh/core";
import { ManualClock, MemoryStats, seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AperturePicker, type ApertureSettings } from "../src/aperture-picker.ts";
import { type PeerCoordinate, SlowStart } from "../src/index.ts";
import { type FakeNode, fakeNodes, fiveSigma, shares } from "./fake-node.ts";

class Subject {
  readonly clock = new ManualClock();
  readonly stats = new MemoryStats();
  readonly picker: AperturePicker<FakeNode>;
  peer: PeerCoordinate | undefined;

  constructor(settings: Partial<ApertureSettings> & { peer?: PeerCoordinate; rng?: Rng; slowStart?: SlowStart } = {}) {
    this.peer = settings.peer;
    this.picker = new AperturePicker<FakeNode>(
      {
        band: { smoothWindowMs: 0 },
        minAperture: 1,
        minDeterministicAperture: 12,
        coordinate: () => this.peer,
        idleMs: 1000,
        ...settings,
      },
      settings.rng ?? seededRng(1),
      this.clock,
      this.stats,
      settings.slowStart,
    );
  }

  gauge(name: string): number | undefined {
    return this.stats.readGauge(name);
  }

  /** The nodes that come up in so many picks. */
  used(nodes: readonly FakeNode[], picks = 60 * nodes.length): number[] {
    const seen = new Set<number>();
    for (let i = 0; i < picks; i++) seen.add((this.picker.pickOpen() as FakeNode).id);
    return [...seen].sort((a, b) => a - b);
  }
}

function begin(nodes: readonly FakeNode[], calls: number): void {
  for (let i = 0; i < calls; i++) (nodes[i % nodes.length] as FakeNode).begin();
}

describe("AperturePicker, without a coordinate", () => {
  it("uses as many nodes as the load asks for, never fewer than it must nor more than there are", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 6 }), fc.nat(60), (n, min, calls) => {
        const subject = new Subject({ minAperture: min });
        const nodes = fakeNodes(n);
        subject.picker.rebuild(nodes);
        begin(nodes, calls);
        const width = subject.gauge("logical_aperture") as number;
        expect(width).toBeGreaterThanOrEqual(Math.min(min, n));
        expect(width).toBeLessThanOrEqual(n);
        expect(Math.abs(width - Math.min(Math.max(calls / 2, Math.min(min, n)), n))).toBeLessThanOrEqual(1);
        expect(subject.gauge("physical_aperture")).toBe(width);
        expect(subject.stats.readCounter("loadband/widen")).toBe(width - Math.min(min, n));
        expect(subject.gauge("loadband/offered_load_ema")).toBe(calls);
        expect(subject.gauge("use_deterministic_ordering")).toBe(0);
        for (const node of nodes) while (node.pending > 0) node.end();
        for (let i = 0; i < n; i++) (nodes[0] as FakeNode).begin().end();
        expect(subject.gauge("logical_aperture")).toBe(Math.min(min, n));
        // One each way for every step that one call is worth.
        expect(subject.stats.readCounter("loadband/narrow")).toBeGreaterThanOrEqual(width - Math.min(min, n));
      }),
    );
  });

  it("picks only within the window, the less loaded of two", () => {
    const subject = new Subject({ minAperture: 3 });
    const nodes = fakeNodes(30);
    subject.picker.rebuild(nodes);
    const used = subject.used(nodes);
    expect(used.length).toBe(3);
    const [a = 0] = used;
    // Not heard of: the width stays.
    (nodes[a] as FakeNode).pending = 9;
    expect(subject.used(nodes)).toEqual(used.slice(1));
  });

  it("keeps its order from set to set: who is within stays within, as far as that can be", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 25 }), fc.integer(), fc.nat(24), (n, seed, out) => {
        const subject = new Subject({ minAperture: Math.ceil(n / 2), rng: seededRng(seed) });
        const nodes = fakeNodes(n + 1);
        subject.picker.rebuild(nodes.slice(0, n));
        const before = subject.used(nodes);
        subject.picker.rebuild(nodes.slice(0, n).reverse());
        expect(subject.used(nodes)).toEqual(before);
        const gone = out % n;
        subject.picker.rebuild(nodes.slice(0, n).filter((node) => node.id !== gone));
        const after = subject.used(nodes);
        for (const id of before) if (id !== gone) expect(after).toContain(id);
        subject.picker.rebuild(nodes);
        const joined = subject.used(nodes);
        expect(joined.filter((id) => !after.includes(id)).length).toBeLessThanOrEqual(2);
      }),
    );
  });

  it("has each node within its window with the same chance, over many clients: banded as a binomial is", () => {
    const [n, width, clients] = [20, 5, 4000];
    const nodes = fakeNodes(n);
    const counts = new Array<number>(n).fill(0);
    const rng = seededRng(6);
    for (let i = 0; i < clients; i++) {
      const subject = new Subject({ minAperture: width, rng, coordinate: undefined });
      subject.picker.rebuild(nodes);
      for (const id of subject.used(nodes, 60)) counts[id]!++;
    }
    const p = width / n;
    for (const count of counts) expect(Math.abs(count / clients - p)).toBeLessThan(fiveSigma(p, clients));
    // Not more even either: each client draws for itself.
    const variance = counts.reduce((sum, count) => sum + (count - clients * p) ** 2, 0) / n;
    expect(variance).toBeGreaterThan((clients * p * (1 - p)) / 5);
  });

  it("takes in others at once for those of its window that go down, and those again when they are open", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), fc.integer(), fc.nat(29), (n, seed, by) => {
        const width = 1 + (by % (n - 1));
        const subject = new Subject({ minAperture: width, rng: seededRng(seed) });
        const nodes = fakeNodes(n);
        subject.picker.rebuild(nodes);
        const before = subject.used(nodes);
        const failing = nodes[before[0] as number] as FakeNode;
        failing.status = "busy";
        // The first try that meets it may find nobody.
        for (let i = 0; i < 10; i++) subject.picker.pickOpen();
        const without = subject.used(nodes);
        expect(without.length).toBe(width);
        for (const id of before) expect(without.includes(id)).toBe(id !== failing.id);
        failing.status = "open";
        for (let i = 0; i < n; i++) subject.picker.pickOpen();
        expect(subject.used(nodes)).toEqual(before);
      }),
      { numRuns: 50 },
    );
  });

  it("takes the one of two that is open, and looks for another in place of the one that is not, be it drawn first or second", () => {
    for (const down of [0, 1]) {
      // The same two places of the order are drawn each time, the first of them first.
      const always: Rng = { next: () => 0 };
      const subject = new Subject({ minAperture: 2, rng: always });
      const nodes = fakeNodes(3);
      subject.picker.rebuild(nodes);
      (nodes[down] as FakeNode).status = "busy";
      const other = nodes[1 - down] as FakeNode;
      other.pending = 5;
      expect(subject.picker.pickOpen()).toBe(other);
      expect(subject.picker.pickOpen()?.id).toBe(2);
    }
    const subject = new Subject({ minAperture: 2 });
    const nodes = fakeNodes(2);
    subject.picker.rebuild(nodes);
    for (let i = 0; i < 100; i++) {
      for (const node of nodes) node.status = node.id === i % 2 ? "open" : "closed";
      expect(subject.picker.pickOpen()?.id).toBe(i % 2);
    }
  });

  it("draws from all when its tries have found nobody: an aperture cuts nobody off", () => {
    for (const peer of [undefined, { instanceId: 0, totalInstances: 100 }]) {
      const subject = new Subject({ minAperture: 2, minDeterministicAperture: 2, ...(peer && { peer }) });
      const nodes = fakeNodes(1000);
      subject.picker.rebuild(nodes);
      const used = subject.used(nodes);
      for (const id of used) (nodes[id] as FakeNode).status = "busy";
      expect(subject.picker.pickOpen()).toBe(undefined);
      // A node in a million pairs is busy twice over.
      for (let i = 0; i < 20; i++) expect(subject.picker.pick().status).toBe("open");
      for (const node of nodes) node.status = node.id % 2 === 0 ? "closed" : "busy";
      subject.picker.rebuild(nodes);
      const calls = 20_000;
      const got = shares(2, calls, () => (subject.picker.pick().status === "busy" ? 1 : 0));
      expect(Math.abs((got[1] as number) - 0.75)).toBeLessThan(0.02);
    }
  });

  it("goes by load alone, and within its window, when statuses do not count", () => {
    const subject = new Subject({ minAperture: 2 });
    const nodes = fakeNodes(10);
    subject.picker.rebuild(nodes);
    const [a = 0, b = 0] = subject.used(nodes);
    const [one, other] = [nodes[a] as FakeNode, nodes[b] as FakeNode];
    for (const node of nodes) node.status = "busy";
    subject.picker.rebuild(nodes);
    one.pending = 1;
    for (let i = 0; i < 20; i++) expect(subject.picker.pickAny()).toBe(other);
  });

  it("compares loads by weight, of weights that differ", () => {
    const nodes = fakeNodes(2);
    const [half, full] = nodes as [FakeNode, FakeNode];
    const subject = new Subject({ minAperture: 2 });
    subject.picker.rebuild(nodes, Float64Array.of(0.5, 1));
    half.pending = 2;
    full.pending = 3;
    // 4 for its weight against 3; where one was drawn twice, it is taken.
    const calls = 40_000;
    const got = shares(2, calls, () => (subject.picker.pickOpen() as FakeNode).id);
    const alone = (1 / 3) ** 6;
    expect(Math.abs((got[0] as number) - alone)).toBeLessThan(fiveSigma(alone, calls));
    subject.picker.rebuild(nodes, Float64Array.of(1 - 0.99e-4, 1));
    half.pending = 3;
    // As good as equal: a tie, that the first drawn wins.
    const even = shares(2, calls, () => (subject.picker.pickOpen() as FakeNode).id);
    expect(Math.abs((even[0] as number) - 0.5)).toBeLessThan(fiveSigma(0.5, calls));
    subject.picker.rebuild(nodes, Float64Array.of(1 - 1.01e-4, 1));
    const twice = 0.5 ** 6;
    const differing = shares(2, calls, () => (subject.picker.pickOpen() as FakeNode).id);
    expect(Math.abs((differing[0] as number) - twice)).toBeLessThan(fiveSigma(twice, calls));
  });

  it("gives weights their part of calls while nobody is loaded", () => {
    const nodes = fakeNodes(5);
    const weights = [1, 0.5, 0.25, 0.25, 0.5];
    const subject = new Subject({ minAperture: 5 });
    subject.picker.rebuild(nodes, Float64Array.from(weights));
    const calls = 50_000;
    const got = shares(5, calls, () => (subject.picker.pickOpen() as FakeNode).id);
    for (const [i, weight] of weights.entries()) {
      expect(Math.abs((got[i] as number) - weight / 2.5)).toBeLessThan(fiveSigma(weight / 2.5, calls));
    }
  });

  it("lets a new node win as often as slow start says", async () => {
    const subject = new Subject({ minAperture: 2, slowStart: new SlowStart({ windowMs: 1000 }) });
    const nodes = fakeNodes(2);
    const [young] = nodes as [FakeNode];
    young.sinceMs = 1000;
    await subject.clock.advance(1500);
    subject.picker.rebuild(nodes);
    (nodes[1] as FakeNode).pending = 1;
    const calls = 20_000;
    const got = shares(2, calls, () => (subject.picker.pickOpen() as FakeNode).id);
    expect(Math.abs((got[0] as number) - 0.5)).toBeLessThan(fiveSigma(0.5, calls));
    await subject.clock.advance(500);
    expect(subject.used(nodes)).toEqual([0]);
  });

  it("forgets the calls to nodes that are gone", () => {
    const subject = new Subject();
    const nodes = fakeNodes(10);
    subject.picker.rebuild(nodes);
    begin(nodes, 10);
    subject.picker.rebuild(nodes.slice(5));
    (nodes[0] as FakeNode).end();
    expect(subject.gauge("logical_aperture")).toBe(5);
    (nodes[9] as FakeNode).begin().end();
    expect(subject.gauge("loadband/offered_load_ema")).toBe(5);
  });
});

describe("AperturePicker, with a coordinate", () => {
  const peers = (total: number): PeerCoordinate[] =>
    Array.from({ length: total }, (_, instanceId) => ({ instanceId, totalInstances: total }));

  it("gives each endpoint its weight's share of the calls of all processes", () => {
    const nodes = fakeNodes(40);
    const weights = Float64Array.from(nodes, (node) => [1, 0.5, 0.25][node.id % 3] as number);
    const whole = weights.reduce((sum, each) => sum + each, 0);
    const [total, each] = [17, 20_000];
    const counts = new Array<number>(40).fill(0);
    for (const peer of peers(total)) {
      const { picker } = new Subject({ peer, rng: seededRng(peer.instanceId) });
      picker.rebuild(nodes, weights);
      for (let i = 0; i < each; i++) counts[(picker.pickOpen() as FakeNode).id]!++;
    }
    const calls = total * each;
    for (const [i, weight] of weights.entries()) {
      const share = weight / whole;
      expect(Math.abs((counts[i] as number) / calls - share)).toBeLessThan(fiveSigma(share, calls));
    }
  });

  it("uses at least its minimum of endpoints and few more, the same ones whatever the order of discovery", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 40 }), fc.nat(39), (n, total, id) => {
        const peer = { instanceId: id % total, totalInstances: total };
        const nodes = fakeNodes(n);
        const subject = new Subject({ peer });
        subject.picker.rebuild(nodes);
        const size = subject.gauge("physical_aperture") as number;
        expect(size).toBeGreaterThanOrEqual(Math.min(12, n));
        expect(size).toBeLessThanOrEqual(Math.min(n, Math.ceil(n / total) + Math.min(12, n) + 1));
        expect(subject.gauge("logical_aperture")).toBe(Math.min(12, n));
        expect(subject.gauge("use_deterministic_ordering")).toBe(1);
        const other = new Subject({ peer, rng: seededRng(99) });
        other.picker.rebuild([...nodes].reverse());
        expect(other.used(nodes, 100 * n)).toEqual(subject.used(nodes, 100 * n));
      }),
      { numRuns: 40 },
    );
  });

  it("takes another slice when the coordinate becomes another, and counts that; not for an equal one", () => {
    const nodes = fakeNodes(100);
    const subject = new Subject({ peer: { instanceId: 0, totalInstances: 10 } });
    subject.picker.rebuild(nodes);
    const updates = (): number => subject.stats.readCounter("coordinate_updates");
    const first = subject.used(nodes);
    expect(updates()).toBe(0);
    subject.peer = { instanceId: 0, totalInstances: 10 };
    expect([subject.used(nodes), updates()]).toEqual([first, 0]);
    subject.peer = { instanceId: 5, totalInstances: 10 };
    const second = subject.used(nodes);
    expect(second.filter((id) => first.includes(id))).toEqual([]);
    subject.peer = { instanceId: 5, totalInstances: 11 };
    subject.picker.pickAny();
    expect(subject.used(nodes)).not.toEqual(second);
    expect(updates()).toBe(2);
    subject.peer = undefined;
    expect(subject.used(nodes).length).toBe(1);
    expect([updates(), subject.gauge("use_deterministic_ordering")]).toEqual([3, 0]);
    subject.peer = { instanceId: 12, totalInstances: 11 };
    expect([subject.used(nodes).length, updates()]).toEqual([1, 3]);
    subject.peer = { instanceId: 0, totalInstances: 10 };
    expect([subject.used(nodes), updates()]).toEqual([first, 4]);
  });

  it("leaves the load band alone, and goes on with it where it was when the coordinate is lost", () => {
    const nodes = fakeNodes(50);
    const subject = new Subject({ peer: { instanceId: 0, totalInstances: 5 } });
    subject.picker.rebuild(nodes);
    begin(nodes, 40);
    expect([subject.stats.readCounter("loadband/widen"), subject.gauge("loadband/offered_load_ema")]).toEqual([0, 40]);
    subject.peer = undefined;
    subject.picker.pickOpen();
    expect(subject.gauge("logical_aperture")).toBe(1);
    begin(nodes, 1);
    expect(subject.gauge("logical_aperture")).toBe(2);
  });

  it("weighs an endpoint that is within by a part of it less than one that is within as a whole", () => {
    // Of 10 endpoints and 4 processes, each has 2.5: two and a half, for a minimum of 2.
    const nodes = fakeNodes(10);
    const calls = 60_000;
    let halves = 0;
    for (const peer of peers(4)) {
      const { picker } = new Subject({ peer, minDeterministicAperture: 2, rng: seededRng(8) });
      picker.rebuild(nodes);
      const got = shares(10, calls, () => (picker.pickOpen() as FakeNode).id).filter((share) => share > 0);
      for (const share of got) {
        const whole = share > 0.3;
        if (!whole) halves++;
        const expected = whole ? 0.4 : 0.2;
        expect(Math.abs(share - expected)).toBeLessThan(fiveSigma(expected, calls));
      }
    }
    expect(halves).toBe(4);
  });

  it("prefers those that are open, and does not leave its slice for as long as one is", () => {
    const nodes = fakeNodes(100);
    const subject = new Subject({ peer: { instanceId: 3, totalInstances: 100 } });
    subject.picker.rebuild(nodes);
    const used = subject.used(nodes);
    for (const id of used.slice(1)) (nodes[id] as FakeNode).status = "busy";
    const seen = new Set<Status>();
    for (let i = 0; i < 1000; i++) {
      const node = subject.picker.pickOpen();
      if (node === undefined) continue;
      expect(node.id).toBe(used[0]);
      seen.add(node.status);
    }
    expect([...seen]).toEqual(["open"]);
  });
});

describe("what an aperture does with nodes out of use", () => {
  it("has those rest that had no call for the idle time, once each, and nobody who is in use or has calls", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ node: fc.nat(9), afterMs: fc.nat(400), lastsMs: fc.nat(3000) }), { maxLength: 30 }),
        fc.integer(),
        async (calls, seed) => {
          const subject = new Subject({ minAperture: 3, rng: seededRng(seed), band: { highLoad: 1e9, lowLoad: 0 } });
          const nodes = fakeNodes(10);
          subject.picker.rebuild(nodes);
          const inUse = subject.used(nodes);
          const { clock } = subject;
          const ended = new Map<number, number>();
          const rested = new Map<number, number>();
          for (const node of nodes) {
            const rest = node.rest.bind(node);
            node.rest = () => {
              const did = rest();
              if (did) {
                expect(inUse).not.toContain(node.id);
                expect(node.pending).toBe(0);
                expect(clock.now() - (ended.get(node.id) as number)).toBeGreaterThanOrEqual(1000);
                rested.set(node.id, clock.now());
              }
              return did;
            };
          }
          for (const call of calls) {
            await clock.advance(call.afterMs);
            const node = (nodes[call.node] as FakeNode).begin();
            clock.after(call.lastsMs, () => {
              node.end();
              ended.set(node.id, clock.now());
            });
          }
          await clock.advance(3000 + 1500);
          let expected = 0;
          for (const node of nodes) {
            if (!ended.has(node.id)) expect(node.rests).toBe(0);
            else if (inUse.includes(node.id)) expect([node.rests, node.connected]).toEqual([0, true]);
            else {
              expect(node.connected).toBe(false);
              expect((rested.get(node.id) as number) - (ended.get(node.id) as number)).toBeLessThanOrEqual(1500);
            }
            expected += node.rests;
          }
          expect(subject.stats.readCounter("expired")).toBe(expected);
          await clock.advance(10_000);
          expect(subject.stats.readCounter("expired")).toBe(expected);
          subject.picker.close();
          expect(clock.armed).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("leaves no timer while nobody out of use has connections, and none with an idle time of 0", async () => {
    const subject = new Subject({ minAperture: 1 });
    const nodes = fakeNodes(4);
    subject.picker.rebuild(nodes);
    await subject.clock.advance(500);
    expect(subject.clock.armed).toBe(0);
    (nodes[0] as FakeNode).begin().end();
    expect(subject.clock.armed).toBe(1);
    const never = new Subject({ idleMs: 0 });
    never.picker.rebuild(nodes);
    (nodes[1] as FakeNode).begin().end();
    expect(never.clock.armed).toBe(0);
  });

  it("keeps the time of the last call from set to set, and tries again one that was not open", async () => {
    const subject = new Subject({ minAperture: 1 });
    const nodes = fakeNodes(4);
    subject.picker.rebuild(nodes);
    const [used] = subject.used(nodes);
    const out = nodes.find((node) => node.id !== used) as FakeNode;
    out.begin().end();
    await subject.clock.advance(900);
    subject.picker.rebuild([...nodes].reverse());
    out.status = "busy";
    await subject.clock.advance(500);
    expect(out.rests).toBe(0);
    out.status = "open";
    await subject.clock.advance(5000);
    expect([out.rests, subject.clock.armed]).toEqual([0, 0]);
    (nodes[used as number] as FakeNode).begin().end();
    await subject.clock.advance(500);
    expect([out.rests, subject.clock.armed]).toEqual([1, 0]);
  });

  it("is told apart from nothing once closed: no gauges, no timer, no calls heard", () => {
    const subject = new Subject();
    const nodes = fakeNodes(3);
    subject.picker.rebuild(nodes);
    (nodes[0] as FakeNode).begin();
    subject.picker.close();
    expect(subject.clock.armed).toBe(0);
    expect(nodes.map((node) => node.listener)).toEqual([undefined, undefined, undefined]);
    expect(subject.stats.names()).toEqual(["coordinate_updates", "expired", "loadband/narrow", "loadband/widen"]);
  });
});
