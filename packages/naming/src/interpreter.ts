import type { Activity, ActivityState } from "@weftmesh/core";
import { Answers, type AnswersSpec } from "./answers.ts";
import type { Bound } from "./bound.ts";
import { type DelegateTree, simplifyDelegation } from "./delegate-tree.ts";
import type { Dtab } from "./dtab.ts";
import { UnknownNamerError } from "./errors.ts";
import { type NameTree, Neg, sameTree } from "./name-tree.ts";
import { NameWalk } from "./name-walk.ts";
import type { Delegator, Interpreter, Namer, PrefixedNamer } from "./namer.ts";
import { Path } from "./path.ts";

export interface InterpreterOptions {
  /** In the order of the config; of several for one name the last is asked first. */
  readonly namers?: readonly PrefixedNamer[];
  /** Those below `/$`, by their name: see `utilityNamers`. Without them every name there is unknown. */
  readonly utilities?: ReadonlyMap<string, Namer>;
  /** Lookups within each other; 100 if not given. */
  readonly maxDepth?: number;
  /** Visits of rules and branches in one binding; 10,000 if not given. */
  readonly stepBudget?: number;
}

const defaultMaxDepth = 100;
const defaultStepBudget = 10_000;

/**
 * The interpreter that binds names here, with rules and namers.
 *
 * Shape: a name with rules follows them; one without is asked of the namers with a matching prefix, then, below `/$`,
 * of the utility namers. A tree is told when it differs from the last one in its shape, weights, bound ids or
 * residuals, and a bound id that stays keeps its `Bound` object.
 * Errors: the activity fails with `WEFT_NAMER_MAX_DEPTH`, `WEFT_NAMER_STEP_BUDGET`, `WEFT_NAMER_UNKNOWN` or what a
 * namer failed with.
 * Cost: some microseconds per step; the whole name is walked again when a namer's answer changes.
 * Source: linkerd1.md 5.2, finagle.md 2.4.
 */
export function newInterpreter(options: InterpreterOptions = {}): Interpreter & Delegator {
  return new LocalInterpreter(options);
}

type Tree = NameTree<Path | Bound>;

/** A name to ask a namer. */
interface Question {
  readonly key: string;
  readonly namer: Namer;
  /** Without the namer's prefix. */
  readonly path: Path;
}

type Ask = (question: Question) => ActivityState<Tree>;

const noUtilities: ReadonlyMap<string, Namer> = new Map();
const negState: ActivityState<Tree> = { state: "ok", value: Neg };

class LocalInterpreter implements Interpreter, Delegator {
  readonly honoursLimits = true;
  /** In the order in which they are asked. */
  readonly #namers: readonly PrefixedNamer[];
  readonly #utilities: ReadonlyMap<string, Namer>;
  readonly #maxDepth: number;
  readonly #stepBudget: number;

  constructor(options: InterpreterOptions) {
    this.#namers = (options.namers ?? [])
      .map((each) => ({ prefix: Path.of("#").concat(each.prefix), namer: each.namer }))
      .reverse();
    this.#utilities = options.utilities ?? noUtilities;
    this.#maxDepth = options.maxDepth ?? defaultMaxDepth;
    this.#stepBudget = options.stepBudget ?? defaultStepBudget;
  }

  bind(dtab: Dtab, path: Path): Activity<NameTree<Bound>> {
    return Answers.activity<Question, Tree, NameTree<Bound>>(() => {
      const bounds = new BoundObjects();
      return this.#spec(sameBoundTree, (ask) => {
        bounds.begin();
        const { outcome } = this.#walk(dtab, ask, false).walk(path);
        return outcome.state === "ok" ? { state: "ok", value: bounds.kept(outcome.value) } : outcome;
      });
    });
  }

  delegate(dtab: Dtab, path: Path): Activity<DelegateTree> {
    return Answers.activity<Question, Tree, DelegateTree>(() =>
      this.#spec(Object.is, (ask) => {
        const walk = this.#walk(dtab, ask, true);
        const { tree } = walk.walk(path);
        return walk.waits ? { state: "pending" } : { state: "ok", value: simplifyDelegation(tree) };
      }),
    );
  }

  #spec<T>(same: (a: T, b: T) => boolean, work: (ask: Ask) => ActivityState<T>): AnswersSpec<Question, Tree, T> {
    return { keyOf: (question) => question.key, look: ({ namer, path }) => namer.lookup(path), work, same };
  }

  #walk(dtab: Dtab, ask: Ask, all: boolean): NameWalk {
    return new NameWalk({
      dtab,
      ask: (path) => this.#ask(path, ask),
      maxDepth: this.#maxDepth,
      stepBudget: this.#stepBudget,
      all,
    });
  }

  /** What the first namer says that does not say Neg. */
  #ask(path: Path, ask: Ask): ActivityState<Tree> {
    for (const [i, { prefix, namer }] of this.#namers.entries()) {
      if (!path.startsWith(prefix)) continue;
      const answer = ask({ key: `${i} ${path.show}`, namer, path: path.drop(prefix.size) });
      if (answer.state !== "ok" || answer.value.kind !== "neg") return answer;
    }
    const [root, name] = path.elems;
    if (root !== "$" || name === undefined) return negState;
    const utility = this.#utilities.get(name);
    if (utility === undefined) return { state: "failed", error: new UnknownNamerError(path) };
    return ask({ key: path.show, namer: utility, path: path.drop(2) });
  }
}

/** Keeps the objects of bound names through changes of the tree around them: one per id and residual. */
class BoundObjects {
  #last = new Map<string, Bound>();
  #now = new Map<string, Bound>();

  begin(): void {
    this.#last = this.#now;
    this.#now = new Map();
  }

  kept(tree: NameTree<Bound>): NameTree<Bound> {
    if (tree.kind === "leaf") {
      const bound = this.#keep(tree.value);
      return bound === tree.value ? tree : { kind: "leaf", value: bound };
    }
    if (tree.kind !== "union") return tree;
    return { kind: "union", trees: tree.trees.map((each) => ({ weight: each.weight, tree: this.kept(each.tree) })) };
  }

  #keep(bound: Bound): Bound {
    const key = `${bound.id.show} ${bound.residual.show}`;
    const kept = this.#now.get(key) ?? this.#last.get(key) ?? bound;
    this.#now.set(key, kept);
    return kept;
  }
}

function sameBoundTree(a: NameTree<Bound>, b: NameTree<Bound>): boolean {
  return sameTree(a, b, (x, y) => x.id.equals(y.id) && x.residual.equals(y.residual));
}
