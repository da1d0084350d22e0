import { Ctx, failed, ok, Params, type Status } from "@weftmesh/core";
import { type Address, address, boundAddr, showAddress } from "@weftmesh/naming";
import { answerNever, testError } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  aperture,
  aperturePeakEwma,
  type BalancerKind,
  heap,
  leastLoaded,
  maglev,
  type Node,
  PanicThresholdParam,
  type Picker,
  peakEwma,
  ringHash,
  roundRobin,
  weightedRoundRobin,
  ZonePreferenceParam,
} from "../src/index.ts";
import { Cluster } from "./cluster.ts";

/** What discovery says of one endpoint. */
interface Listed {
  readonly n: number;
  readonly weight: number;
  readonly zone: string;
}

interface Call {
  readonly n: number;
  readonly ctx: Ctx;
  /** The endpoint was dropped while the call was in flight. */
  orphan: boolean;
}

interface Model {
  set: readonly Listed[];
  open: Call[];
  rebuilds: number;
  updates: number;
}

interface Real {
  readonly cluster: Cluster;
  /** The sets that pickers were given, in their order. */
  readonly rebuilt: (readonly string[])[];
}

const addressOf = ({ n, weight, zone }: Listed): Address => address(`10.0.0.${n}`, 80, weight, { zone });
const keyOf = (n: number): string => `10.0.0.${n}:80`;
/** Addresses come once; the first of several counts. */
const distinct = (set: readonly Listed[]): Listed[] =>
  set.filter((each, i) => set.findIndex((other) => other.n === each.n) === i);

function same(a: readonly Listed[], b: readonly Listed[]): boolean {
  const byNumber = new Map(a.map((each) => [each.n, each]));
  return (
    a.length === b.length &&
    b.every(({ n, weight, zone }) => {
      const other = byNumber.get(n);
      return other !== undefined && Object.is(other.weight, weight) && other.zone === zone;
    })
  );
}

type Step = fc.AsyncCommand<Model, Real>;

/** What must hold after every step. */
function check(model: Model, real: Real): void {
  const { stats } = real.cluster;
  const counted = (name: string): number => stats.readCounter(`loadbalancer/${name}`);
  expect(stats.readGauge("loadbalancer/load")).toBe(model.open.filter((call) => !call.orphan).length);
  expect(stats.readGauge("loadbalancer/size")).toBe(model.set.length);
  expect(counted("adds") - counted("removes")).toBe(model.set.length);
  expect([counted("rebuilds"), counted("updates")]).toEqual([model.rebuilds, model.updates]);
  for (const list of real.cluster.made.values()) {
    for (const endpoint of list) {
      expect(endpoint.closes).toBeLessThanOrEqual(1);
      if (endpoint.closes === 1) expect(endpoint.calls.every((call) => call.ctx.ended)).toBe(true);
    }
  }
}

class Update implements Step {
  readonly set: readonly Listed[];

  constructor(set: readonly Listed[]) {
    this.set = set;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    const before = new Map(model.set.map((each) => [each.n, each]));
    const set = distinct(this.set);
    const after = new Map(set.map((each) => [each.n, each]));
    // One whose metadata changes is another endpoint.
    const stays = (n: number): boolean => after.get(n)?.zone === before.get(n)?.zone;
    for (const call of model.open) if (!call.orphan && !stays(call.n)) call.orphan = true;
    model.updates++;
    const changed = !same(model.set, set);
    if (changed) model.rebuilds++;
    model.set = set;
    real.rebuilt.length = 0;
    real.cluster.dest.set(boundAddr(this.set.map(addressOf)));
    // Whatever classes there are, each is in the order of discovery, and together they are all.
    if (changed) {
      const order = set.map((each) => keyOf(each.n));
      expect(real.rebuilt.flat().sort()).toEqual([...order].sort());
      for (const part of real.rebuilt) expect(part).toEqual(order.filter((each) => part.includes(each)));
    } else expect(real.rebuilt).toEqual([]);
    check(model, real);
  }

  toString(): string {
    return `update(${this.set.map(({ n, weight, zone }) => `${n}*${weight}${zone}`).join(" ")})`;
  }
}

class Begin implements Step {
  readonly key: string | undefined;

  constructor(key: string | undefined) {
    this.key = key;
  }

  check(model: Readonly<Model>): boolean {
    return model.set.length > 0;
  }

  async run(model: Model, real: Real): Promise<void> {
    const endpoints = real.cluster.made;
    const before = new Map([...endpoints].map(([where, list]) => [where, list.map((each) => each.calls.length)]));
    const ctx = new Ctx();
    real.cluster.service.call(this.key ?? "", ctx).catch(() => {});
    const hit = [...endpoints].filter(([where, list]) =>
      list.some((each, i) => each.calls.length > (before.get(where)?.[i] ?? 0)),
    );
    expect(hit).toHaveLength(1);
    const [where, list] = hit[0] as [string, { calls: { ctx: Ctx }[] }[]];
    // To one that is listed, and the newest that was made for it.
    expect(model.set.map((each) => keyOf(each.n))).toContain(where);
    expect(list.at(-1)?.calls.at(-1)?.ctx).toBe(ctx);
    model.open.push({ n: Number(where.slice(7, -3)), ctx, orphan: false });
    check(model, real);
  }

  toString(): string {
    return `call(${this.key ?? ""})`;
  }
}

class End implements Step {
  readonly which: number;
  readonly how: "ok" | "fails" | "head only";

  constructor(which: number, how: "ok" | "fails" | "head only") {
    this.which = which;
    this.how = how;
  }

  check(model: Readonly<Model>): boolean {
    return model.open.length > 0;
  }

  async run(model: Model, real: Real): Promise<void> {
    const at = this.which % model.open.length;
    const { ctx } = model.open[at] as Call;
    if (this.how !== "fails") ctx.respond("rep");
    if (this.how !== "head only") {
      model.open.splice(at, 1);
      ctx.end(this.how === "ok" ? ok : failed(testError("it fails")));
    }
    check(model, real);
  }

  toString(): string {
    return `end(${this.which}, ${this.how})`;
  }
}

class SetStatus implements Step {
  readonly n: number;
  readonly status: Status;

  constructor(n: number, status: Status) {
    this.n = n;
    this.status = status;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    const endpoint = real.cluster.made.get(keyOf(this.n))?.at(-1);
    if (endpoint !== undefined && endpoint.closes === 0) endpoint.status = this.status;
    check(model, real);
  }

  toString(): string {
    return `status(${this.n}, ${this.status})`;
  }
}

class Advance implements Step {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    await real.cluster.clock.advance(this.ms);
    check(model, real);
  }

  toString(): string {
    return `advance(${this.ms})`;
  }
}

const arbListed: fc.Arbitrary<Listed> = fc.record({
  n: fc.nat({ max: 7 }),
  weight: fc.constantFrom(1, 1, 1, 2, 0, 0.5, Number.NaN, -1, 1e308, 1e-300),
  zone: fc.constantFrom("a", "a", "b"),
});

const commands: fc.Arbitrary<Step>[] = [
  fc.array(arbListed, { maxLength: 10 }).map((set) => new Update(set)),
  fc.constantFrom(undefined, "ann", "bob", "eve").map((key) => new Begin(key)),
  fc.constantFrom(undefined, "ann", "bob", "eve").map((key) => new Begin(key)),
  fc
    .tuple(fc.nat(), fc.constantFrom("ok" as const, "fails" as const, "head only" as const))
    .map(([which, how]) => new End(which, how)),
  fc.tuple(fc.nat({ max: 7 }), fc.constantFrom<Status>("open", "busy")).map(([n, status]) => new SetStatus(n, status)),
  fc.constantFrom(0, 1, 99, 100, 5000).map((ms) => new Advance(ms)),
];

/** A kind whose pickers write down what they are given. */
function recorded(kind: BalancerKind, rebuilt: (readonly string[])[]): BalancerKind {
  return {
    ...kind,
    newPicker: <Req, Rep>(...args: Parameters<BalancerKind["newPicker"]>) => {
      const picker = kind.newPicker<Req, Rep>(...args);
      const rebuild = picker.rebuild.bind(picker);
      const noted: Picker<Node<Req, Rep>> = picker;
      noted.rebuild = (nodes, weights) => {
        rebuilt.push(nodes.map((node) => showAddress(node.address)));
        if (kind.weighted === true) {
          expect(weights).toHaveLength(nodes.length);
          for (const weight of weights ?? []) expect(weight > 0 && weight <= 1).toBe(true);
        } else expect(weights).toBeUndefined();
        rebuild(nodes, weights);
      };
      return noted;
    },
  };
}

const key = (req: string): string | undefined => (req === "" ? undefined : req);
const slowStart = { windowMs: 1000 };
const kinds: [string, () => BalancerKind][] = [
  ["least load", () => leastLoaded({ slowStart, retryAfterMs: () => 100 })],
  ["peak EWMA", () => peakEwma({ slowStart, retryAfterMs: () => 100 })],
  ["a ring with bounded loads", () => ringHash({ key, loadFactor: 1.25 })],
  ["Maglev with bounded loads", () => maglev({ key, loadFactor: 1.25, tableSize: 211 })],
  ["a heap", () => heap()],
  ["round robin", () => roundRobin({ slowStart })],
  ["weighted round robin", () => weightedRoundRobin({ slowStart })],
  // Without a timer, which would still be there at the end.
  ["an aperture", () => aperture({ smoothWindowMs: 100, slowStart, idleTimeMs: 0 })],
  [
    "a deterministic aperture and peak EWMA",
    () =>
      aperturePeakEwma({
        coordinate: () => ({ instanceId: 2, totalInstances: 5 }),
        minDeterministicAperture: 2,
        idleTimeMs: 0,
      }),
  ],
];

describe.each(kinds)("a balancer by %s", (_name, kind) => {
  it("agrees with a model over any run of updates, calls, ends and failures: no load is lost, none is made up", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.commands(commands, { maxCommands: 60 }),
        fc.boolean(),
        fc.constantFrom(0, 50),
        async (steps, zoned, panicPercent) => {
          const rebuilt: (readonly string[])[] = [];
          const zone = zoned ? { zone: "a" } : undefined;
          const cluster = new Cluster(recorded(kind(), rebuilt), boundAddr([]), {
            script: () => answerNever,
            params: Params.empty.with(ZonePreferenceParam, zone).with(PanicThresholdParam, panicPercent),
          });
          const model: Model = { set: [], open: [], rebuilds: 0, updates: 1 };
          await fc.asyncModelRun(() => ({ model, real: { cluster, rebuilt } }), steps);
          for (const { ctx } of model.open) ctx.end(ok);
          model.open = [];
          check(model, { cluster, rebuilt });
          for (const endpoint of cluster.all()) {
            for (const call of endpoint.calls) call.ctx.cancel(testError("over"));
          }
          expect(cluster.clock.armed).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });
});
