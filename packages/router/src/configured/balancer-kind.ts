import {
  aperture,
  type BalancerKind,
  clientAddressKey,
  cookieKey,
  firstKey,
  type HashKey,
  headerKey,
  heap,
  httpRetryAfterMs,
  leastLoaded,
  maglev,
  pathKey,
  pathSegmentKey,
  peakEwma,
  ringHash,
  roundRobin,
  weightedRoundRobin,
} from "@weftmesh/balancer";
import type { HashKeyConfig, LoadBalancer } from "@weftmesh/config";
import type { HttpRequest } from "@weftmesh/http";
import { given } from "./given.ts";

/** The balancer that a config names; undefined where it names none. */
export function balancerOf(config: LoadBalancer | undefined): BalancerKind | undefined {
  if (config === undefined) return undefined;
  switch (config.kind) {
    case "p2c":
      return leastLoaded(given(config));
    case "ewma":
      return peakEwma({ ...given(config), retryAfterMs: httpRetryAfterMs });
    case "aperture": {
      const { coordinate, ...options } = config;
      return aperture(coordinate === undefined ? options : { ...options, coordinate: () => coordinate });
    }
    case "heap":
      return heap();
    case "roundRobin":
      return roundRobin(given(config));
    case "dev.weftmesh.weightedRoundRobin":
      return weightedRoundRobin(given(config));
    case "dev.weftmesh.ringHash":
      return ringHash({ ...given(config), key: keyOf(config.key) });
    case "dev.weftmesh.maglev":
      return maglev({ ...given(config), key: keyOf(config.key) });
  }
}

function keyOf(keys: readonly HashKeyConfig[]): HashKey<HttpRequest> {
  return firstKey(...keys.map(oneKey));
}

function oneKey(key: HashKeyConfig): HashKey<HttpRequest> {
  if (key.header !== undefined) return headerKey(key.header);
  if (key.cookie !== undefined) return cookieKey(key.cookie);
  if (key.pathSegment !== undefined) return pathSegmentKey(key.pathSegment);
  if (key.pathPrefix !== undefined) return pathKey(key.pathPrefix);
  return key.path === true ? pathKey() : clientAddressKey();
}
