import { pending } from "@weftmesh/core";
import { arbDtab, arbDtabName, arbNameTree } from "@weftmesh/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  alt,
  type Bound,
  type DelegateTree,
  Dtab,
  leaf,
  mapTree,
  type NameTree,
  Neg,
  newInterpreter,
  Path,
  simplifyTree,
  union,
} from "../src/index.ts";
import type { Outcome } from "../src/name-walk.ts";
import { outcomeText, Watch } from "./outcome-text.ts";
import { type Answer, boundTo, failedWith, found, ScriptNamer } from "./script-namer.ts";

/** Names below `/e` are the namer's: the last letter is never rewritten by an acyclic dtab. */
const toNamer = Dtab.read("/e => /#/n");
const acyclic = arbDtab({ shape: "acyclic", maxEntries: 8 }).map((dtab) => toNamer.concat(dtab));
const cyclic = arbDtab({ shape: "cyclic" }).map((dtab) => toNamer.concat(dtab));
/** The namer looks at the first element that is left, of which there are few. */
const keys = ["/", "/a", "/b", "/c", "/d", "/e"] as const;

const arbAnswer: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("/#/n/1", "/#/n/2").map((id) => found(leaf(boundTo(id)))) },
  { weight: 2, arbitrary: fc.constant(found(Neg)) },
  { weight: 1, arbitrary: fc.constant<Answer>(pending) },
  { weight: 1, arbitrary: fc.constantFrom("one", "two").map(failedWith) },
  {
    weight: 1,
    arbitrary: arbNameTree<Bound>(
      fc.constantFrom("/#/n/3", "/#/n/4").map((id) => boundTo(id)),
      {
        maxDepth: 2,
        maxWidth: 3,
      },
    ).map(found),
  },
);
const arbAnswers = fc.record(Object.fromEntries(keys.map((key) => [key, arbAnswer])), { noNullPrototype: true });

class FirstElemNamer extends ScriptNamer {
  override lookup(path: Path) {
    return super.lookup(path.take(1));
  }
}

function interpreterOver(namer: ScriptNamer) {
  return newInterpreter({ namers: [{ prefix: Path.of("n"), namer }], stepBudget: 1_000_000 });
}

/** Binding as the specification words it, with no thought for cost. */
function naive(dtab: Dtab, answers: Record<string, Answer>, path: Path, depth = 0): Outcome {
  if (depth > 100) return { state: "failed", error: new Error("too deep") };
  const trees = dtab.entries
    .filter(
      ({ prefix }) => prefix.length <= path.size && prefix.every((e, i) => e === undefined || e === path.elems[i]),
    )
    .reverse()
    .map(({ prefix, dst }) => mapTree<Path, Path | Bound>(dst, (each) => each.concat(path.drop(prefix.length))));
  const tree = trees.length === 0 ? Neg : trees.length === 1 ? (trees[0] as NameTree<Path | Bound>) : alt(...trees);
  if (tree.kind !== "neg") return naiveTree(dtab, answers, tree, depth);
  if (!path.startsWith(Path.read("/#/n"))) return { state: "ok", value: Neg };
  const answer = answers[path.drop(2).take(1).show] ?? pending;
  return answer.state === "ok" ? naiveTree(dtab, answers, answer.value, depth) : answer;
}

function naiveTree(dtab: Dtab, answers: Record<string, Answer>, tree: NameTree<Path | Bound>, depth: number): Outcome {
  const go = (each: NameTree<Path | Bound>): Outcome => naiveTree(dtab, answers, each, depth);
  switch (tree.kind) {
    case "leaf":
      if (tree.value instanceof Path) return naive(dtab, answers, tree.value, depth + 1);
      return { state: "ok", value: leaf(tree.value as Bound) };
    case "alt": {
      for (const each of tree.trees) {
        const outcome = go(each);
        if (outcome.state !== "ok" || outcome.value.kind !== "neg") return outcome;
      }
      return { state: "ok", value: Neg };
    }
    case "union":
      return naiveUnion(tree.trees.map((each) => ({ weight: each.weight, outcome: go(each.tree) })));
    default:
      return { state: "ok", value: tree };
  }
}

function naiveUnion(branches: readonly { weight: number; outcome: Outcome }[]): Outcome {
  if (branches.length === 0) return { state: "ok", value: Neg };
  const there = branches.flatMap(({ weight, outcome }) =>
    outcome.state === "ok" ? [{ weight, tree: outcome.value }] : [],
  );
  if (there.length > 0) return { state: "ok", value: simplifyTree(union(...there)) };
  return branches.map(({ outcome }) => outcome).find((each) => each.state === "failed") ?? pending;
}

/** What a delegation says that is bound. */
function primary(tree: DelegateTree): Outcome {
  switch (tree.kind) {
    case "leaf":
      return { state: "ok", value: leaf(tree.bound) };
    case "exception":
      return { state: "failed", error: tree.error };
    case "delegate":
    case "transformation":
      return primary(tree.tree);
    case "alt": {
      for (const each of tree.trees) {
        const outcome = primary(each);
        if (outcome.state !== "ok" || outcome.value.kind !== "neg") return outcome;
      }
      return { state: "ok", value: Neg };
    }
    case "union":
      return naiveUnion(tree.trees.map(({ weight, tree: each }) => ({ weight, outcome: primary(each) })));
    default:
      return { state: "ok", value: { kind: tree.kind } };
  }
}

function isBound(tree: NameTree<Bound>): boolean {
  if (tree.kind === "union") {
    return (
      tree.trees.length > 1 &&
      tree.trees.every(({ tree: each }) => each.kind !== "neg" && each.kind !== "fail" && isBound(each))
    );
  }
  return tree.kind !== "alt";
}

describe("binding", () => {
  it("comes to what the rules and namers say, for any rules that end", () => {
    fc.assert(
      fc.property(acyclic, arbDtabName, arbAnswers, (dtab, path, answers) => {
        const state = interpreterOver(new FirstElemNamer(answers)).bind(dtab, path).sample();
        expect(outcomeText(state)).toBe(outcomeText(naive(dtab, answers, path)));
        if (state.state === "ok") expect(isBound(state.value)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("C10, C11: ends for any rules at all, with a bound tree or one of the two limits", () => {
    fc.assert(
      fc.property(cyclic, arbDtabName, arbAnswers, (dtab, path, answers) => {
        const namer = new FirstElemNamer(answers);
        const interpreter = newInterpreter({ namers: [{ prefix: Path.of("n"), namer }] });
        const start = performance.now();
        const state = interpreter.bind(dtab, path).sample();
        expect(performance.now() - start).toBeLessThan(500);
        if (state.state === "ok") expect(isBound(state.value)).toBe(true);
        else if (state.state === "failed") {
          expect(outcomeText(state)).toMatch(/^failed: (?:WEFT_NAMER_MAX_DEPTH|WEFT_NAMER_STEP_BUDGET|one|two)$/);
        }
        expect(namer.watched).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("does not change with a rule for names that nobody uses", () => {
    fc.assert(
      fc.property(acyclic, arbDtabName, arbAnswers, (dtab, path, answers) => {
        const interpreter = interpreterOver(new FirstElemNamer(answers));
        const more = dtab.concat(Dtab.read("/never-used => /a | !"));
        expect(outcomeText(interpreter.bind(more, path).sample())).toBe(
          outcomeText(interpreter.bind(dtab, path).sample()),
        );
      }),
    );
  });

  it("at any time tells what a new binding would, never the same twice, and watches nothing twice or too long", () => {
    const change = fc.tuple(fc.constantFrom(...keys), arbAnswer);
    fc.assert(
      fc.property(
        acyclic,
        arbDtabName,
        arbAnswers,
        fc.array(change, { maxLength: 20 }),
        (dtab, path, first, changes) => {
          const namer = new FirstElemNamer(first);
          const answers = { ...first };
          const watch = new Watch(interpreterOver(namer).bind(dtab, path));
          for (const [key, answer] of changes) {
            answers[key] = answer;
            namer.set(key, answer);
            expect(outcomeText(watch.last)).toBe(outcomeText(naive(dtab, answers, path)));
            const fresh = new FirstElemNamer(answers);
            const other = new Watch(interpreterOver(fresh).bind(dtab, path));
            expect(namer.watched).toEqual(fresh.watched);
            other.close();
          }
          const told = watch.states.map(outcomeText);
          for (let i = 1; i < told.length; i++) expect(told[i]).not.toBe(told[i - 1]);
          watch.close();
          expect(namer.watched).toEqual([]);
          expect(told[0]).toBe(outcomeText(naive(dtab, first, path)));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("delegation", () => {
  it("has what binding picks as its first branch, for any rules and answers", () => {
    fc.assert(
      fc.property(acyclic, arbDtabName, arbAnswers, (dtab, path, answers) => {
        const interpreter = interpreterOver(new FirstElemNamer(answers));
        const explained = interpreter.delegate(dtab, path).sample();
        const bound = interpreter.bind(dtab, path).sample();
        if (explained.state === "ok") expect(outcomeText(primary(explained.value))).toBe(outcomeText(bound));
        else expect(Object.values(answers)).toContain(pending);
        if (bound.state === "pending") expect(explained.state).toBe("pending");
      }),
      { numRuns: 2000 },
    );
  });

  it("C11: ends for any rules, with exceptions where it was cut off", () => {
    fc.assert(
      fc.property(cyclic, arbDtabName, arbAnswers, (dtab, path, answers) => {
        const interpreter = newInterpreter({
          namers: [{ prefix: Path.of("n"), namer: new FirstElemNamer(answers) }],
          stepBudget: 500,
        });
        const { state } = interpreter.delegate(dtab, path).sample();
        expect(state).not.toBe("failed");
      }),
      { numRuns: 300 },
    );
  });
});
