import { isWeftError } from "@weftmesh/core";
import type { Counter, StatsReceiver } from "@weftmesh/telemetry";

/** Causes that are followed, the error itself included. */
const maxDepth = 5;
/** Names below one scope; what comes later counts as `other`. */
const maxNames = 64;
const maxNameLength = 64;
/** Our codes, and those of the system: `ECONNRESET`. */
const codeLike = /^[A-Z][A-Z0-9_]*$/;
const nameLike = /^[A-Za-z_$][\w$]*$/;

/** The scope of a failure that was an answer, and no error: a 500, mostly. */
export const classifiedFailure = "WEFT_CLASSIFIED";

class Branch {
  readonly stats: StatsReceiver;
  readonly counter: Counter;
  readonly children = new Map<string, Branch>();

  constructor(parent: StatsReceiver, name: string) {
    this.stats = parent.scope(name);
    this.counter = parent.counter(name);
  }

  child(name: string): Branch {
    const known = this.children.get(name);
    if (known !== undefined) return known;
    const bounded = this.children.size < maxNames ? name : "other";
    let branch = this.children.get(bounded);
    if (branch === undefined) {
      branch = new Branch(this.stats, bounded);
      this.children.set(bounded, branch);
    }
    return branch;
  }
}

/**
 * Counts failures, and below them the same failures by what they were: `failures`, `failures/WEFT_CONNECT_REFUSED`,
 * `failures/WEFT_CONNECT_REFUSED/ECONNREFUSED`.
 *
 * Shape: a node is the error's code, or its class for errors without one; each cause is a node below.
 */
export class FailureCounters {
  readonly #root: Branch;

  constructor(stats: StatsReceiver) {
    this.#root = new Branch(stats, "failures");
  }

  /** Counts one failure; `undefined` for one without an error. */
  count(error: Error | undefined): void {
    this.#root.counter.inc();
    if (error === undefined) {
      this.#root.child(classifiedFailure).counter.inc();
      return;
    }
    let branch = this.#root;
    let each: unknown = error;
    for (let depth = 0; depth < maxDepth && each instanceof Error; depth++) {
      branch = branch.child(nodeOf(each));
      branch.counter.inc();
      each = each.cause;
    }
  }
}

/** How an error is called in metrics. */
function nodeOf(error: Error): string {
  const code: unknown = isWeftError(error) ? error.code : Reflect.get(error, "code");
  if (typeof code === "string" && code.length <= maxNameLength && codeLike.test(code)) return code;
  const { name } = error;
  return typeof name === "string" && name.length <= maxNameLength && nameLike.test(name) ? name : "Error";
}
