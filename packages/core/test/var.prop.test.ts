import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Var, type VarSource } from "../src/index.ts";

/** A node of a random graph: how to make it from the nodes before it, and how to work out its value from scratch. */
interface Expression {
  readonly build: Var<number>;
  readonly value: () => number;
}

type Op =
  | { readonly kind: "map"; readonly a: number; readonly by: number }
  | { readonly kind: "all"; readonly of: readonly number[] }
  | { readonly kind: "choose"; readonly a: number; readonly b: number; readonly c: number }
  | { readonly kind: "async"; readonly a: number };

const arbOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ kind: fc.constant("map" as const), a: fc.nat(), by: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ kind: fc.constant("all" as const), of: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }) }),
  fc.record({ kind: fc.constant("choose" as const), a: fc.nat(), b: fc.nat(), c: fc.nat() }),
  fc.record({ kind: fc.constant("async" as const), a: fc.nat() }),
);

const mix = (values: readonly number[]): number => values.reduce((sum, each, i) => (sum * 31 + each + i) | 0, 7);

function graph(ops: readonly Op[], sources: readonly VarSource<number>[]): Expression[] {
  const nodes: Expression[] = sources.map((source) => ({ build: source, value: () => source.value }));
  for (const op of ops) {
    const pick = (n: number): Expression => nodes[n % nodes.length] as Expression;
    if (op.kind === "map") {
      const a = pick(op.a);
      nodes.push({ build: a.build.map((value) => (value * 3 + op.by) | 0), value: () => (a.value() * 3 + op.by) | 0 });
    } else if (op.kind === "all") {
      const of = op.of.map(pick);
      nodes.push({
        build: Var.all(of.map((each) => each.build)).map(mix),
        value: () => mix(of.map((each) => each.value())),
      });
    } else if (op.kind === "choose") {
      const [a, b, c] = [pick(op.a), pick(op.b), pick(op.c)];
      nodes.push({
        build: a.build.flatMap((value) => (value % 2 === 0 ? b.build : c.build)),
        value: () => (a.value() % 2 === 0 ? b.value() : c.value()),
      });
    } else {
      const a = pick(op.a);
      nodes.push({
        build: Var.async(0, (update) => {
          const subscription = a.build.changes.subscribe(update);
          return () => subscription.unsubscribe();
        }),
        value: a.value,
      });
    }
  }
  return nodes;
}

const arbGraph = fc.array(arbOp, { minLength: 1, maxLength: 12 });
const arbUpdates = fc.array(fc.tuple(fc.nat({ max: 2 }), fc.integer({ min: 0, max: 9 })), { maxLength: 20 });

describe("Var", () => {
  it("shows every observer, after every change, what working it out from scratch gives", () => {
    fc.assert(
      fc.property(arbGraph, arbUpdates, (ops, updates) => {
        const sources = [Var.source(0), Var.source(1), Var.source(2)];
        const nodes = graph(ops, sources);
        const seen: number[] = [];
        const subscriptions = nodes.map((node, i) =>
          node.build.changes.subscribe((value) => {
            seen[i] = value;
          }),
        );
        const check = (): void => expect(seen).toEqual(nodes.map((node) => node.value()));
        check();
        for (const [which, value] of updates) {
          sources[which]?.set(value);
          check();
          expect(nodes.map((node) => node.build.sample())).toEqual(seen);
        }
        for (const subscription of subscriptions) subscription.unsubscribe();
        for (const source of sources) expect(source.observed).toBe(false);
      }),
    );
  });

  it("gives one event with a consistent snapshot for each change of a source, also in diamonds of diamonds", () => {
    fc.assert(
      fc.property(
        arbGraph.map((ops) => ops.filter((op) => op.kind !== "async")),
        fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
        arbUpdates,
        (ops, top, updates) => {
          const sources = [Var.source(0), Var.source(1), Var.source(2)];
          const nodes = graph(ops, sources);
          const of = top.map((n) => nodes[n % nodes.length] as Expression);
          const events: (readonly number[])[] = [];
          const subscription = Var.all(of.map((each) => each.build)).changes.subscribe((each) => {
            events.push(each);
          });
          let last = events.splice(0)[0];
          expect(last).toEqual(of.map((each) => each.value()));
          for (const [which, value] of updates) {
            sources[which]?.set(value);
            const now = of.map((each) => each.value());
            expect(events.length).toBeLessThanOrEqual(1);
            last = events.splice(0)[0] ?? last;
            expect(last).toEqual(now);
          }
          subscription.unsubscribe();
        },
      ),
      { numRuns: 300 },
    );
  });

  it("shows a diamond one event, also behind a shared async var", () => {
    const source = Var.source(1);
    const shared = Var.async(0, (update) => {
      const pair = Var.all([source.map((x) => x), source.map((x) => x * 10)]);
      const subscription = pair.changes.subscribe(([a = 0, b = 0]) => update(a + b));
      return () => subscription.unsubscribe();
    });
    const events: (readonly number[])[] = [];
    // The first to observe it is the shallowest, and what observes it from deeper down has to wait for it as well.
    const sums: number[] = [];
    const summed = Var.all([shared, source]).map(([a = 0, b = 0]) => {
      sums.push(a + b);
      return a + b;
    });
    const deep = Var.all([summed]).map(([a = 0]) => a);
    Var.all([shared, deep, source]).changes.subscribe((each) => void events.push(each));
    source.set(2);
    expect(events).toEqual([
      [11, 12, 1],
      [22, 24, 2],
    ]);
    expect(sums).toEqual([12, 24]);
  });

  it("runs a producer exactly while it is observed, whoever comes and goes, also from within a callback", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 40 }), (moves) => {
        let running = 0;
        const made = { starts: 0, stops: 0 };
        const produced = Var.async(0, (update) => {
          running++;
          made.starts++;
          update(made.starts);
          return () => {
            running--;
            made.stops++;
          };
        });
        const open: { unsubscribe(): void }[] = [];
        for (const move of moves) {
          if (move > 3) produced.sample();
          else if (move >= 0) open.push(produced.changes.subscribe(() => {}));
          else open.splice(-move % Math.max(open.length, 1), 1)[0]?.unsubscribe();
          expect(running).toBe(open.length > 0 ? 1 : 0);
        }
        for (const each of open) each.unsubscribe();
        expect(running).toBe(0);
        expect(made.starts).toBe(made.stops);
      }),
    );
  });

  it("lets an observer leave while it is being told", () => {
    const source = Var.source(0);
    const seen: string[] = [];
    const first = source.changes.subscribe((value) => {
      seen.push(`first ${value}`);
      if (value === 1) second.unsubscribe();
    });
    const second = source.changes.subscribe((value) => void seen.push(`second ${value}`));
    source.set(1);
    source.set(2);
    first.unsubscribe();
    expect(seen).toEqual(["first 0", "second 0", "first 1", "first 2"]);
  });

  it("never shows an older value after a newer one, nor one twice, when it is set from within", () => {
    const source = Var.source(0);
    const seen: number[] = [];
    let again = 1;
    source.changes.subscribe((value) => {
      // The same value too: it is a change of its own, and the one before it is over.
      if (value > 0 && again-- > 0) source.set(value === 1 ? 1 : 3);
    });
    source.changes.subscribe((value) => void seen.push(value));
    source.set(1);
    again = 1;
    source.set(2);
    expect(seen).toEqual([0, 1, 3]);
  });

  it("lets go of the var it followed before it follows the next", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2 }), { maxLength: 20 }), (choices) => {
        const inner = [Var.source("a"), Var.source("b"), Var.source("c")];
        const choice = Var.source(0);
        const observed: boolean[][] = [];
        const followed = choice.flatMap((n) => {
          observed.push(inner.map((each) => each.observed));
          return inner[n] as VarSource<string>;
        });
        const subscription = followed.changes.subscribe(() => {});
        for (const n of choices) {
          choice.set(n);
          expect(inner.map((each) => each.observed)).toEqual(inner.map((_, i) => i === n));
        }
        for (const before of observed) expect(before).toEqual([false, false, false]);
        subscription.unsubscribe();
        expect(inner.some((each) => each.observed)).toBe(false);
      }),
    );
  });

  it("leaves nothing behind when the choice changes while it is being followed for the first time", () => {
    const choice = Var.source(0);
    const inner = [Var.source("a"), Var.source("b")];
    const seen: string[] = [];
    const subscription = choice
      .flatMap((n) => inner[n] as VarSource<string>)
      .changes.subscribe((value) => {
        seen.push(value);
        if (value === "a") choice.set(1);
      });
    expect(inner.map((each) => each.observed)).toEqual([false, true]);
    inner[0]?.set("stale");
    expect(seen).toEqual(["a", "b"]);
    subscription.unsubscribe();
    expect(inner.some((each) => each.observed)).toBe(false);
    expect(choice.observed).toBe(false);
  });
});
