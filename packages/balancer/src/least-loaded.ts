import type { BalancerKind } from "./kind.ts";
import { Node } from "./node.ts";
import { P2c } from "./p2c.ts";

class LeastLoadedNode<Req, Rep> extends Node<Req, Rep> {
  load(): number {
    return this.pending;
  }
}

/** Power of two choices by the number of calls in flight. */
export function leastLoaded(options?: { readonly maxEffort?: number }): BalancerKind {
  return {
    algorithm: "p2c_least_loaded",
    maxEffort: options?.maxEffort ?? 5,
    newNode: (address, make, left) => new LeastLoadedNode(address, make, left),
    newPicker: (rng) => new P2c(rng, undefined),
  };
}
