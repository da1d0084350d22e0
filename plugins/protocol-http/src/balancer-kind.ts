import { aperture, type BalancerKind, heap, leastLoaded, peakEwma, roundRobin } from "@weftmesh/balancer";
import type { LoadBalancer } from "@weftmesh/config";

/** The balancer that a config names; undefined where it names none. */
export function balancerOf(config: LoadBalancer | undefined): BalancerKind | undefined {
  if (config === undefined) return undefined;
  switch (config.kind) {
    case "p2c":
      return leastLoaded({ maxEffort: config.maxEffort });
    case "ewma":
      return peakEwma({ maxEffort: config.maxEffort, decayTimeMs: config.decayTimeMs });
    case "aperture":
      return aperture(config);
    case "heap":
      return heap();
    case "roundRobin":
      return roundRobin({ maxEffort: config.maxEffort });
  }
}
