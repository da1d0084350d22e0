import type { Clock, Rng, Service } from "@weftmesh/core";
import type { Address } from "@weftmesh/naming";
import type { Node } from "./node.ts";

/** Chooses among the nodes of one weight class. */
export interface Picker<N> {
  /** Another set from now on. Nodes that stay are the same objects; the order is discovery's. */
  rebuild(nodes: readonly N[]): void;
  /** One of them, whatever its status. Called only while there are some. Cost: once per call, so it must not allocate. */
  pick(): N;
}

/** A way to balance: how nodes count their load, and how one is chosen by it. */
export interface BalancerKind {
  /** As in the gauge `algorithm/<name>`. */
  readonly algorithm: string;
  /** Picks that may meet a node which is not open before the balancer takes whatever comes. */
  readonly maxEffort: number;
  newNode<Req, Rep>(
    address: Address,
    make: (address: Address) => Service<Req, Rep>,
    left: (node: Node<Req, Rep>) => void,
    clock: Clock,
  ): Node<Req, Rep>;
  newPicker<Req, Rep>(rng: Rng, clock: Clock): Picker<Node<Req, Rep>>;
}
