import { type BalancerKind, BalancerParam, balancer, leastLoaded } from "@weftmesh/balancer";
import { type Module, Params } from "@weftmesh/core";
import type { SimService, StackSpec } from "../src/index.ts";

/** A stack that is only a balancer, with whatever stands above and below it. */
export function overBalancer(
  options: {
    readonly kind?: BalancerKind;
    readonly above?: readonly Module<SimService>[];
    readonly below?: readonly Module<SimService>[];
    readonly params?: Params;
  } = {},
): StackSpec {
  const { kind = leastLoaded(), above = [], below = [], params = Params.empty } = options;
  return { modules: [...above, balancer(), ...below], params: Params.empty.with(BalancerParam, kind).merge(params) };
}
