import type { Clock, Ctx, Rng, Service } from "@weftmesh/core";
import type { Address } from "@weftmesh/naming";
import type { StatsReceiver } from "@weftmesh/telemetry";
import type { Node } from "./node.ts";

/** Chooses among the nodes of one weight class. */
export interface Picker<N> {
  /**
   * Another set from now on. Nodes that stay are the same objects; the order is discovery's.
   *
   * `weights` is given to kinds that are `weighted`: one per node, relative to the greatest of them, above 0 and at
   * most 1. Whatever discovery means by the weights that make no sense has been settled.
   */
  rebuild(nodes: readonly N[], weights?: Float64Array): void;
  /** One of them, whatever its status. Called only while there are some. Cost: once per call, so it must not allocate. */
  pick(req: unknown, ctx: Ctx): N;
  /** One try for a node that is open, where a picker knows the status of its pick anyhow; else `pick` is asked. */
  pickOpen?(req: unknown, ctx: Ctx): N | undefined;
  /** One of them as if all were open: in panic, so few are that their status says nothing. Else `pick` is asked. */
  pickAny?(req: unknown, ctx: Ctx): N;
  /** It is not asked any more: for pickers that have timers, gauges or listen to nodes. */
  close?(): void;
}

/** A way to balance: how nodes count their load, and how one is chosen by it. */
export interface BalancerKind {
  /** As in the gauge `algorithm/<name>`. */
  readonly algorithm: string;
  /** Picks that may meet a node which is not open before the balancer takes whatever comes. */
  readonly maxEffort: number;
  /** Its pickers share calls out by weight themselves: all nodes with any weight are one class. */
  readonly weighted?: boolean;
  newNode<Req, Rep>(
    address: Address,
    make: (address: Address) => Service<Req, Rep>,
    left: (node: Node<Req, Rep>) => void,
    clock: Clock,
  ): Node<Req, Rep>;
  /** `stats` are those of the balancer. One of them may have several pickers, whose gauges add up. */
  newPicker<Req, Rep>(rng: Rng, clock: Clock, stats?: StatsReceiver): Picker<Node<Req, Rep>>;
}
