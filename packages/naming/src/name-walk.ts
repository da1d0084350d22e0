import type { ActivityState } from "@weftmesh/core";
import type { Bound } from "./bound.ts";
import type { DelegateTree, WeightedDelegate } from "./delegate-tree.ts";
import type { Dentry } from "./dentry.ts";
import type { Dtab } from "./dtab.ts";
import { MaxDepthError, StepBudgetError } from "./errors.ts";
import { Empty, Fail, joinUnion, leaf, type NameTree, Neg, type Weighted } from "./name-tree.ts";
import { limitBound, type OverrideLimits, OverrideRefusedError } from "./override-limits.ts";
import { Path } from "./path.ts";

/** What a name comes to. */
export type Outcome = ActivityState<NameTree<Bound>>;

/** One name or tree, visited: what it comes to, and how. */
interface Visit {
  readonly outcome: Outcome;
  readonly tree: DelegateTree;
}

export interface WalkOptions {
  readonly dtab: Dtab;
  /** What the namers say of a name for which there is no rule. */
  ask(path: Path): ActivityState<NameTree<Path | Bound>>;
  /** Lookups within each other. */
  readonly maxDepth: number;
  readonly stepBudget: number;
  /** Visit also the branches that binding does not take. */
  readonly all: boolean;
}

/** The stack holds several times as many. */
const maxNesting = 1000;

const pendingOutcome: Outcome = { state: "pending" };
/** Of a name in which no delegation of a request has had a part. */
const whole = Number.POSITIVE_INFINITY;
const negOutcome: Outcome = { state: "ok", value: Neg };
const failOutcome: Outcome = { state: "ok", value: Fail };
const emptyOutcome: Outcome = { state: "ok", value: Empty };

/**
 * Follows a name through the rules and namers, as they are now, to its end.
 *
 * This is the one traversal behind both binding and delegation. It works out the outcome and the delegation of every
 * node together; the two uses differ in a single point: binding leaves the alternatives after the one that is chosen
 * unvisited, and so unobserved (`all: false`), delegation visits them too and finds the same outcome. So what is
 * explained is what happens.
 *
 * Where the request's own delegations are limited, it is known of each name how many of its first elements came to be
 * without them; a concrete name that needed more than those is held to the limits.
 *
 * Shape: for one walk; synchronous; what is not known yet is pending. It stops at a depth, and after a number of
 * steps, which is what holds rules that branch and loop: a step is a visit, and more for long names and many rules.
 */
export class NameWalk {
  readonly #options: WalkOptions;
  #root = Path.empty;
  #steps = 0;
  #nesting = 0;
  #waits = false;
  /** Of the request's delegations, once one was followed. */
  #limits: OverrideLimits | undefined;

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  /** Errors: throws `WEFT_NAMER_STEP_BUDGET`; with `all` that is an `exception` where it happened. */
  walk(path: Path): Visit {
    this.#root = path;
    return this.#name(path, undefined, 0, whole);
  }

  /** Whether anything that was visited is pending. */
  get waits(): boolean {
    return this.#waits;
  }

  #name(path: Path, dentry: Dentry | undefined, depth: number, own: number): Visit {
    const { dtab, maxDepth } = this.#options;
    if (depth > maxDepth) return failed(path, dentry, new MaxDepthError(path, maxDepth));
    const rules = dtab.matches(path);
    const over = this.#spend(1 + (rules.length >> 4) + (path.size >> 5));
    if (over !== undefined) return failed(path, dentry, over);
    const [first] = rules;
    // As in Linkerd, a lone rule to `~` counts as none.
    if (first === undefined || (rules.length === 1 && first.dst.kind === "neg")) {
      return this.#ask(path, dentry, depth, own);
    }
    const follow = (rule: Dentry): Visit => {
      const taken = rule.prefix.length;
      const rest = path.drop(taken);
      this.#limits ??= rule.limits;
      const ownOfRest = rule.limits === undefined ? Math.max(0, own - taken) : none;
      return this.#tree(rule.dst, { path, dentry: rule, rest, depth, own, ownOfRest });
    };
    if (rules.length > 1) return this.#alternatives(path, dentry, rules, follow);
    return delegated(path, dentry, follow(first));
  }

  #ask(path: Path, dentry: Dentry | undefined, depth: number, own: number): Visit {
    const answer = this.#options.ask(path);
    if (answer.state === "failed") return failed(path, dentry, answer.error);
    if (answer.state === "pending") {
      this.#waits = true;
      return { outcome: pendingOutcome, tree: { kind: "neg", path, dentry } };
    }
    if (answer.value.kind === "neg") return { outcome: negOutcome, tree: { kind: "neg", path, dentry } };
    // What a namer makes of a name may hold any part of it.
    const ownOfRest = own >= path.size ? whole : none;
    const visit = this.#tree(answer.value, { path, dentry, rest: Path.empty, depth, own, ownOfRest });
    const leadsOn = answer.value.kind === "leaf" && isPath(answer.value.value);
    return leadsOn ? delegated(path, dentry, visit) : visit;
  }

  #tree(tree: NameTree<Path | Bound>, place: Place): Visit {
    const { path, dentry } = place;
    const over = this.#spend(1) ?? this.#tooDeep();
    if (over !== undefined) return failed(path, dentry, over);
    switch (tree.kind) {
      case "neg":
        return { outcome: negOutcome, tree: { kind: "neg", path: Path.empty, dentry } };
      case "fail":
        return { outcome: failOutcome, tree: { kind: "fail", path, dentry } };
      case "empty":
        return { outcome: emptyOutcome, tree: { kind: "empty", path, dentry } };
      case "leaf": {
        const { value } = tree;
        if (!isPath(value)) return this.#bound(value, place);
        const own = place.ownOfRest === none ? 0 : value.size + place.ownOfRest;
        return this.#within(() => this.#name(value.concat(place.rest), dentry, place.depth + 1, own));
      }
      case "alt":
        return this.#within(() => this.#alternatives(path, dentry, tree.trees, (each) => this.#tree(each, place)));
      case "union":
        return this.#within(() => this.#union(tree.trees, place));
    }
  }

  #bound(value: Bound, place: Place): Visit {
    const { path, dentry, own } = place;
    const limits = this.#limits;
    if (limits === undefined || own >= Math.max(1, path.size - value.residual.size)) return bound(path, dentry, value);
    const limited = limitBound(value, limits);
    return limited instanceof OverrideRefusedError ? failed(path, dentry, limited) : bound(path, dentry, limited);
  }

  /** The first that is not negative, be it pending or failed. */
  #alternatives<T>(path: Path, dentry: Dentry | undefined, items: readonly T[], visit: (item: T) => Visit): Visit {
    let chosen: Outcome | undefined;
    const trees: DelegateTree[] = [];
    for (const each of items) {
      const { outcome, tree } = visit(each);
      trees.push(tree);
      if (chosen === undefined && (outcome.state !== "ok" || outcome.value.kind !== "neg")) chosen = outcome;
      if (chosen !== undefined && !this.#options.all) break;
    }
    return { outcome: chosen ?? negOutcome, tree: { kind: "alt", path, dentry, trees } };
  }

  /** Those that are there; the others count when they have an answer. */
  #union(branches: readonly Weighted<Path | Bound>[], place: Place): Visit {
    const there: Weighted<Bound>[] = [];
    const trees: WeightedDelegate[] = [];
    let failure: Outcome | undefined;
    let waits = false;
    for (const { weight, tree } of branches) {
      const visit = this.#tree(tree, place);
      trees.push({ weight, tree: visit.tree });
      if (visit.outcome.state === "ok") there.push({ weight, tree: visit.outcome.value });
      else if (visit.outcome.state === "failed") failure ??= visit.outcome;
      else waits = true;
    }
    const outcome: Outcome =
      there.length > 0 ? { state: "ok", value: joinUnion(there) } : (failure ?? (waits ? pendingOutcome : negOutcome));
    return { outcome, tree: { kind: "union", path: place.path, dentry: place.dentry, trees } };
  }

  #within(visit: () => Visit): Visit {
    this.#nesting++;
    const visited = visit();
    this.#nesting--;
    return visited;
  }

  #tooDeep(): StepBudgetError | undefined {
    if (this.#nesting < maxNesting) return undefined;
    return this.#over(`${maxNesting} branches within each other`);
  }

  #spend(steps: number): StepBudgetError | undefined {
    this.#steps += steps;
    if (this.#steps <= this.#options.stepBudget) return undefined;
    return this.#over(`${this.#options.stepBudget} steps`);
  }

  #over(limit: string): StepBudgetError {
    const error = new StepBudgetError(this.#root, limit);
    // A union leaves out what fails: of a walk that was cut off it would give whatever had been reached by then.
    if (!this.#options.all) throw error;
    return error;
  }
}

/** Where a tree stands. */
interface Place {
  readonly path: Path;
  readonly dentry: Dentry | undefined;
  /** What goes behind the paths in its leaves. */
  readonly rest: Path;
  readonly depth: number;
  /** How many of the first elements of `path` are none of the request's delegations' doing. */
  readonly own: number;
  /** The same for `rest`; `none` where the tree itself is of their making, and so all that follows from it. */
  readonly ownOfRest: number;
}

const none = -1;

function isPath(value: Path | Bound): value is Path {
  return "elems" in value;
}

function bound(path: Path, dentry: Dentry | undefined, value: Bound): Visit {
  return { outcome: { state: "ok", value: leaf(value) }, tree: { kind: "leaf", path, dentry, bound: value } };
}

function delegated(path: Path, dentry: Dentry | undefined, { outcome, tree }: Visit): Visit {
  return { outcome, tree: { kind: "delegate", path, dentry, tree } };
}

function failed(path: Path, dentry: Dentry | undefined, error: Error): Visit {
  return { outcome: { state: "failed", error }, tree: { kind: "exception", path, dentry, error } };
}
