import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Activity, type ActivityState, Var, type VarSource } from "../src/index.ts";

const errors = [new Error("first"), new Error("second")];
const arbState: fc.Arbitrary<ActivityState<number>> = fc.oneof(
  fc.constant<ActivityState<number>>({ state: "pending" }),
  fc.integer().map((value): ActivityState<number> => ({ state: "ok", value })),
  fc.constantFrom(...errors).map((error): ActivityState<number> => ({ state: "failed", error })),
);

/** Functions into activities that are fixed, pending, failed or throw, by their argument. */
const arbFunction: fc.Arbitrary<(value: number) => Activity<number>> = fc
  .array(fc.oneof(arbState, fc.constant("throws" as const)), { minLength: 1, maxLength: 4 })
  .map((answers) => (value) => {
    const answer = answers[Math.abs(value) % answers.length] as ActivityState<number> | "throws";
    if (answer === "throws") throw errors[0];
    return new Activity(Var.of(answer));
  });

function source(state: ActivityState<number>): [VarSource<ActivityState<number>>, Activity<number>] {
  const run = Var.source(state);
  return [run, new Activity(run)];
}

describe("Activity", () => {
  it("obeys left identity, right identity and associativity", () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(arbState, { minLength: 1 }), arbFunction, arbFunction, (x, states, f, g) => {
        const direct = Activity.of(x).flatMap(f).sample();
        let expected: ActivityState<number>;
        try {
          expected = f(x).sample();
        } catch (thrown) {
          expected = { state: "failed", error: thrown as Error };
        }
        expect(direct).toEqual(expected);
        for (const state of states) {
          const [, m] = source(state);
          expect(m.flatMap((value) => Activity.of(value)).sample()).toEqual(m.sample());
          const left = m.flatMap(f).flatMap(g).sample();
          expect(left).toEqual(m.flatMap((value) => f(value).flatMap(g)).sample());
        }
      }),
    );
  });

  it("is all there only when all are, and otherwise the first in order that is not", () => {
    fc.assert(
      fc.property(fc.array(arbState), fc.array(fc.tuple(fc.nat(), arbState)), (states, updates) => {
        const pairs = states.map(source);
        const seen: ActivityState<readonly number[]>[] = [];
        const subscription = Activity.all(pairs.map(([, each]) => each)).run.changes.subscribe((state) => {
          seen.push(state);
        });
        const check = (): void => {
          const now = pairs.map(([run]) => run.value);
          const values = now.flatMap((each) => (each.state === "ok" ? [each.value] : []));
          expect(seen.at(-1)).toEqual(now.find((each) => each.state !== "ok") ?? { state: "ok", value: values });
        };
        check();
        for (const [n, state] of updates) {
          pairs[n % Math.max(pairs.length, 1)]?.[0].set(state);
          check();
        }
        subscription.unsubscribe();
      }),
    );
  });

  it("keeps the last good value for ever once it has one", () => {
    fc.assert(
      fc.property(arbState, fc.array(arbState), (first, rest) => {
        const [run, activity] = source(first);
        const seen: ActivityState<number>[] = [];
        const subscription = activity.stabilize().run.changes.subscribe((state) => void seen.push(state));
        let last: ActivityState<number> | undefined = first.state === "ok" ? first : undefined;
        expect(seen).toEqual([first]);
        for (const state of rest) {
          run.set(state);
          if (state.state === "ok") last = state;
          expect(seen.at(-1)).toEqual(last ?? state);
        }
        subscription.unsubscribe();
      }),
    );
  });

  it("has failed when the function given to map throws, with what it threw", () => {
    fc.assert(
      fc.property(arbState, (state) => {
        const [, activity] = source(state);
        const thrown = new Error("from map");
        const mapped = activity.map(() => {
          throw thrown;
        });
        expect(mapped.sample()).toEqual(state.state === "ok" ? { state: "failed", error: thrown } : state);
      }),
    );
  });

  it("shows nothing more once nobody observes it", () => {
    const [run, activity] = source({ state: "ok", value: 1 });
    const seen: unknown[] = [];
    const subscription = activity
      .flatMap((value) => activity.map((other) => value + other))
      .run.changes.subscribe((state) => void seen.push(state));
    const before = seen.length;
    subscription.unsubscribe();
    run.set({ state: "ok", value: 2 });
    expect(seen).toHaveLength(before);
    expect(run.observed).toBe(false);
  });
});
