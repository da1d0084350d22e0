import { type Activity, type ActivityState, isWeftError } from "@weftmesh/core";
import { type Bound, type NameTree, showWith } from "../src/index.ts";

/** A bound tree as text: ids, with the residual behind a semicolon if there is one. */
export function treeText(tree: NameTree<Bound>): string {
  return showWith(tree, ({ id, residual }) => (residual.isEmpty ? id.show : `${id.show};${residual.show}`));
}

export function outcomeText(state: ActivityState<NameTree<Bound>>): string {
  if (state.state === "pending") return "pending";
  if (state.state === "ok") return treeText(state.value);
  return `failed: ${isWeftError(state.error) ? state.error.code : state.error.message}`;
}

/** Everything that an activity tells while it is observed. */
export class Watch<T> {
  readonly states: ActivityState<T>[] = [];
  readonly #subscription: { unsubscribe(): void };

  constructor(activity: Activity<T>) {
    this.#subscription = activity.run.changes.subscribe((state) => void this.states.push(state));
  }

  get last(): ActivityState<T> {
    const last = this.states.at(-1);
    if (last === undefined) throw new Error("nothing was told");
    return last;
  }

  close(): void {
    this.#subscription.unsubscribe();
  }
}
