import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { CancelledError, Ctx, failed, ok, type Service } from "@weftmesh/core";
import { type Bound, Dtab, Empty, leaf, type NameTree, Neg, Path, pendingAddr, union } from "@weftmesh/naming";
import { ManualClock, MemoryStats, seededRng } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newBinding } from "../src/index.ts";
import { type Call, Names, newWorld, Probe, ScriptedInterpreter, someAddr } from "./world.ts";

const names = 6;
const ids = 4;
const arbSizes = fc.record({
  paths: fc.integer({ min: 0, max: 4 }),
  trees: fc.integer({ min: 0, max: 4 }),
  bounds: fc.integer({ min: 0, max: 4 }),
  clients: fc.integer({ min: 0, max: 4 }),
});

const arbTree = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.nat(ids - 1), fc.constantFrom("/", "/r")).map(([id, residual]) => [{ id, residual }]),
  },
  {
    weight: 2,
    arbitrary: fc.array(fc.record({ id: fc.nat(ids - 1), residual: fc.constantFrom("/", "/r") }), {
      minLength: 2,
      maxLength: 3,
    }),
  },
  { weight: 1, arbitrary: fc.constant([]) },
);

const arbStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("call" as const), name: fc.nat(names - 1), local: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("again" as const), which: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("bind" as const), name: fc.nat(names - 1), tree: arbTree }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), name: fc.nat(names - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pending" as const), name: fc.nat(names - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("addr" as const), id: fc.nat(ids - 1), known: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 1000, 9999, 10_000, 700_000) }),
  },
);

/** What the names are bound to when the script begins. */
const arbStart = fc.array(fc.option(arbTree, { freq: 5 }), { minLength: names, maxLength: names });

const arbSteps = fc.array(arbStep, { maxLength: 60, size: "max" });

const local = Dtab.read("/svc => /other");

describe("a binding", () => {
  it("settles each call once, closes each service once and never under a call, and leaves nothing behind", async () => {
    await fc.assert(
      fc.asyncProperty(arbSizes, arbStart, arbSteps, fc.nat(), async (sizes, initial, steps, seed) => {
        const world = newWorld({ cache: sizes, rng: seededRng(seed), timeoutMs: 10_000 });
        const { clock, stats, interpreter, binding } = world;
        const settledTimes = new Map<Call, number>();
        const open: Call[] = [];
        const all: Call[] = [];
        const start = (call: Call): void => {
          open.push(call);
          all.push(call);
          const count = (): void => void settledTimes.set(call, (settledTimes.get(call) ?? 0) + 1);
          call.result.then(count, count);
        };
        const treeOf = (parts: readonly { id: number; residual: string }[]): NameTree<Bound> => {
          const trees = parts.map(({ id, residual }) => leaf(world.names.bound(`/#/${id}`, residual)));
          if (trees.length === 0) return Neg;
          if (trees.length === 1) return trees[0] as NameTree<Bound>;
          return union(...trees.map((tree) => ({ weight: 1, tree })), { weight: 1, tree: Empty });
        };
        const services = (): readonly Probe[] => [...world.paths, ...world.bounds, ...world.clients];

        for (const [name, tree] of initial.entries()) {
          if (tree !== null) interpreter.set(`/svc/${name}`, treeOf(tree));
        }
        for (const step of steps) {
          if (step.do === "call") start(world.call(`/svc/${step.name}`, step.local ? local : Dtab.empty));
          else if (step.do === "wait") await clock.advance(step.ms);
          else if (step.do === "bind") interpreter.set(`/svc/${step.name}`, treeOf(step.tree));
          else if (step.do === "fail") {
            interpreter.source(`/svc/${step.name}`).set({ state: "failed", error: new Error("scripted") });
          } else if (step.do === "pending") interpreter.source(`/svc/${step.name}`).set({ state: "pending" });
          else if (step.do === "addr") {
            world.names.bound(`/#/${step.id}`);
            world.names.addrs.get(`/#/${step.id}`)?.set(step.known ? someAddr : pendingAddr);
          } else if (open.length > 0) {
            const call = open[step.which % open.length] as Call;
            if (step.do === "cancel") call.ctx.cancel(new CancelledError());
            else if (step.do === "again") {
              // A retry: an attempt of its own below the path stack, as long as the call is open.
              const attempt = call.ctx.fork();
              const path = world.paths.find((each) => each.closes === 0);
              path?.below?.call("again", attempt).then(
                () => attempt.end(ok),
                (error: Error) => attempt.end(failed(error)),
              );
            } else {
              await clock.advance(0);
              if (call.settled === undefined) continue;
              open.splice(open.indexOf(call), 1);
              call.end();
            }
          }
          // One check per cache, and one timer per waiting call.
          expect(clock.armed).toBeLessThanOrEqual(4 + binding.snapshot().waitingCalls);
          for (const [level, max] of Object.entries(sizes)) {
            expect(stats.readGauge(`bindcache/${level.slice(0, -1)}/size`)).toBeLessThanOrEqual(max);
          }
          for (const each of services()) {
            expect(each.closes).toBeLessThanOrEqual(1);
            if (each.closes > 0) expect(each.inFlight).toBe(0);
          }
        }
        await clock.advance(10_000);
        for (const call of all) expect(settledTimes.get(call)).toBe(1);
        expect(binding.snapshot().waitingCalls).toBe(0);
        for (const call of open) call.end();
        await clock.advance(0);
        const { paths, trees, bounds, clients } = binding.snapshot();
        for (const each of [...paths, ...trees, ...bounds, ...clients]) expect(each.calls).toBe(0);
        const live = (probes: readonly Probe[]): number => probes.filter((each) => each.closes === 0).length;
        expect([live(world.paths), live(world.bounds), live(world.clients)]).toEqual([
          paths.length,
          bounds.length,
          clients.length,
        ]);
        expect(interpreter.observers).toBe(paths.length);
        expect(world.names.observers).toBe(clients.length);
        await binding.close();
        for (const each of services()) expect([each.closes, each.lateEnds]).toEqual([1, 0]);
        expect([interpreter.observers, world.names.observers, clock.armed]).toEqual([0, 0, 0]);
      }),
      { numRuns: 300 },
    );
  });

  it("sends each call to a leaf of the tree that its name had at that moment", async () => {
    const arb = fc.array(
      fc.oneof(
        fc.record({
          do: fc.constant("bind" as const),
          name: fc.nat(2),
          ids: fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
        }),
        fc.record({ do: fc.constant("call" as const), name: fc.nat(2) }),
      ),
      { maxLength: 40, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(arb, fc.nat(), async (steps, seed) => {
        const world = newWorld({ rng: seededRng(seed), cache: { trees: 2, bounds: 2, clients: 2 } });
        const trees = new Map<string, readonly string[]>();
        for (const step of steps) {
          const name = `/svc/${step.name}`;
          if (step.do === "bind") {
            const bounds = step.ids.map((id) => world.names.bound(`/#/${id}`));
            world.interpreter.set(name, union(...bounds.map((bound) => ({ weight: 1, tree: leaf(bound) }))));
            trees.set(
              name,
              step.ids.map((id) => `hello from /#/${id}`),
            );
          } else if (trees.has(name)) {
            const call = world.call(name);
            expect(trees.get(name)).toContain(await call.result);
            call.end();
          }
        }
        await world.binding.close();
      }),
    );
  });

  it("C26: after 10,000 names it holds no more than its sizes, and has closed all the others", async () => {
    const world = newWorld({ cache: { paths: 50, trees: 40, bounds: 30, clients: 20 } });
    for (let i = 0; i < 10_000; i++) {
      world.interpreter.set(`/svc/${i}`, leaf(world.names.bound(`/#/${i}`)));
      const call = world.call(`/svc/${i}`);
      await call.result;
      call.end();
    }
    await world.clock.advance(0);
    const live = (probes: readonly Probe[]): number => probes.filter((each) => each.closes === 0).length;
    expect([live(world.paths), live(world.bounds), live(world.clients)]).toEqual([50, 30, 20]);
    expect([world.interpreter.observers, world.names.observers]).toEqual([50, 20]);
    expect(world.stats.readCounter("bindcache/path/misses")).toBe(10_000);
    expect(world.stats.readCounter("bindcache/client/evicts")).toBe(9980);
    await world.clock.advance(1_200_000);
    expect([live(world.paths), live(world.bounds), live(world.clients)]).toEqual([1, 1, 1]);
    await world.binding.close();
    for (const each of [...world.paths, ...world.bounds, ...world.clients]) expect(each.closes).toBe(1);
    expect([world.interpreter.observers, world.names.observers, world.clock.armed]).toEqual([0, 0, 0]);
  });

  it("lets evicted services be collected", async () => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    const clock = new ManualClock();
    const interpreter = new ScriptedInterpreter();
    const bounds = new Names();
    const refs: WeakRef<Service<string, string>>[] = [];
    const track = <S extends Service<string, string>>(each: S): S => {
      refs.push(new WeakRef(each));
      return each;
    };
    const binding = newBinding<string, string>({
      interpreter,
      baseDtab: Dtab.empty,
      newPathStack: (dst, below) => track(new Probe(dst.path.show, below)),
      newBoundStack: (bound, below) => track(new Probe(bound.id.show, below)),
      newClientStack: (bound) => track(new Probe(bound.id.show)),
      clock,
      rng: seededRng(1),
      stats: new MemoryStats(),
      cache: { paths: 1, trees: 1000, bounds: 1, clients: 1 },
    });
    for (let i = 0; i < 100; i++) {
      interpreter.set(`/svc/${i}`, leaf(bounds.bound(`/#/${i}`)));
      const ctx = new Ctx();
      await binding.lookup(Path.of("svc", String(i)), Dtab.empty).call("", ctx);
      ctx.end(ok);
    }
    await clock.advance(0);
    gc();
    // The trees are all still there, and hold on to none of what was evicted below them.
    expect(refs.filter((each) => each.deref() !== undefined).length).toBeLessThanOrEqual(6);
    await binding.close();
  });
});
