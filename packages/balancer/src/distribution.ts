import type { Clock, Ctx, Rng } from "@weftmesh/core";
import type { StatsReceiver } from "@weftmesh/telemetry";
import type { BalancerKind } from "./kind.ts";
import type { Node } from "./node.ts";

/** What a balancer asks for a node, once for each call. */
export interface Distribution<Req, Rep> {
  /** Weight classes. */
  readonly size: number;
  /** Weight classes without any open node. */
  readonly busy: number;
  /** An open node if a few tries find one; else whatever comes. Undefined when there is none at all. */
  pick(req: Req, ctx: Ctx): Node<Req, Rep> | undefined;
  /** An open node if a few tries find one. */
  open(req: Req, ctx: Ctx): Node<Req, Rep> | undefined;
  /** A node as if all were open. Undefined when there is none at all. */
  any(req: Req, ctx: Ctx): Node<Req, Rep> | undefined;
}

export interface DistributionSettings {
  readonly kind: BalancerKind;
  readonly rng: Rng;
  readonly clock: Clock;
  /** For the pickers, in the scope of the balancer. */
  readonly stats: StatsReceiver;
  /** Told when no open node was found for a call. */
  readonly exhausted: () => void;
}
