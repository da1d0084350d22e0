import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CancelledError, Ctx, type CtxKey, ctxKey, failed, type Outcome, ok } from "../src/index.ts";

const keys: readonly CtxKey<number>[] = [ctxKey("a", -1), ctxKey("b", -2), ctxKey("c", -3)];

type PlainStep = "fork" | "cancel" | "end" | "fail" | "observe" | "listen";
type Step =
  | { readonly kind: PlainStep; readonly at: number }
  | { readonly kind: "set"; readonly at: number; readonly key: number; readonly value: number };

const arbStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom<PlainStep>("fork", "cancel", "end", "fail", "observe", "listen"),
    at: fc.nat({ max: 30 }),
  }),
  fc.record({ kind: fc.constant("set" as const), at: fc.nat({ max: 30 }), key: fc.nat({ max: 2 }), value: fc.nat() }),
);

/** The rules in their plainest form: a tree that is walked every time. */
class Model {
  readonly parent: Model | undefined;
  readonly children: Model[] = [];
  readonly values = new Map<CtxKey<number>, number>();
  /** What each observer and each listener should have heard, in order of registration. */
  readonly observers: (Outcome | undefined)[] = [];
  readonly listeners: (Error | undefined)[] = [];
  reason: Error | undefined;
  outcome: Outcome | undefined;

  constructor(parent?: Model) {
    this.parent = parent;
    if (parent === undefined) return;
    this.reason = parent.reason;
    if (parent.outcome === undefined && parent.reason === undefined) parent.children.push(this);
  }

  get(key: CtxKey<number>): number {
    return this.values.get(key) ?? this.parent?.get(key) ?? key.default;
  }

  cancel(reason: Error): void {
    if (this.reason !== undefined || this.outcome !== undefined) return;
    this.reason = reason;
    this.listeners.fill(reason);
    for (const child of this.children) child.cancel(reason);
  }

  end(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.observers.fill(outcome);
    this.children.length = 0;
  }
}

describe("Ctx", () => {
  it("agrees with a tree that is walked: values, cancelling and ending, each heard once", () => {
    fc.assert(
      fc.property(fc.array(arbStep, { maxLength: 60 }), (steps) => {
        const pairs = [{ real: new Ctx(), model: new Model(), heard: [] as Outcome[][], told: [] as Error[][] }];
        steps.forEach((step, n) => {
          const pair = pairs[step.at % pairs.length] as (typeof pairs)[0];
          const { real, model, heard, told } = pair;
          const reason = new CancelledError(`step ${n}`);
          if (step.kind === "fork") {
            pairs.push({ real: real.fork(), model: new Model(model), heard: [], told: [] });
          } else if (step.kind === "cancel") {
            real.cancel(reason);
            model.cancel(reason);
          } else if (step.kind === "end" || step.kind === "fail") {
            const outcome = step.kind === "end" ? ok : failed(reason);
            real.end(outcome);
            model.end(outcome);
          } else if (step.kind === "observe") {
            const mine: Outcome[] = [];
            heard.push(mine);
            real.observe({ onEnd: (_ctx, outcome) => void mine.push(outcome) });
            model.observers.push(model.outcome);
          } else if (step.kind === "listen") {
            const mine: Error[] = [];
            told.push(mine);
            real.onCancel((each) => void mine.push(each));
            model.listeners.push(model.reason);
          } else if (step.kind === "set") {
            const key = keys[step.key] as CtxKey<number>;
            real.set(key, step.value);
            model.values.set(key, step.value);
          }
        });
        for (const { real, model, heard, told } of pairs) {
          expect(real.ended).toBe(model.outcome !== undefined);
          expect(real.cancelled).toBe(model.reason);
          for (const key of keys) expect(real.get(key)).toBe(model.get(key));
          expect(heard).toEqual(model.observers.map((outcome) => (outcome === undefined ? [] : [outcome])));
          expect(told).toEqual(model.listeners.map((error) => (error === undefined ? [] : [error])));
        }
      }),
    );
  });

  it("lets go of the forks that have ended", () => {
    const ctx = new Ctx();
    const reasons: Error[] = [];
    for (let i = 0; i < 100; i++) {
      const fork = ctx.fork();
      fork.onCancel((reason) => void reasons.push(reason));
      fork.end(ok);
    }
    // What is kept shows in the fields: nothing of them is reachable from here.
    expect(Object.values(ctx).flatMap((each) => (each instanceof Set ? [...each] : [each]))).not.toContainEqual(
      expect.any(Ctx),
    );
    ctx.cancel(new CancelledError());
    expect(reasons).toEqual([]);
  });
});
