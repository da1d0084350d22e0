export {
  type AffinityCookieOptions,
  AffinityCookieParam,
  AffinityCookieRole,
  affinityCookie,
} from "./affinity-cookie.ts";
export { type ApertureOptions, type AperturePeakEwmaOptions, aperture, aperturePeakEwma } from "./aperture.ts";
export { Balancer, type BalancerSettings } from "./balancer.ts";
export {
  BalancerParam,
  balancer,
  DestLabelParam,
  DestParam,
  EnableProbationParam,
  EndpointParam,
  LoadBalancerRole,
  MaxWaitingParam,
  PanicThresholdParam,
  ZonePreferenceParam,
} from "./balancer-module.ts";
export {
  type ConsistentHashOptions,
  type MaglevOptions,
  maglev,
  type RingHashOptions,
  ringHash,
} from "./consistent-hash.ts";
export { BalancerQueueFullError, BalancerTimeoutError, NoEndpointsError } from "./errors.ts";
export { Ewma } from "./ewma.ts";
export { firstKey, type HashKey } from "./hash-key.ts";
export { heap } from "./heap.ts";
export { clientAddressKey, cookieKey, headerKey, pathKey, pathSegmentKey } from "./http-hash-keys.ts";
export { httpRetryAfterMs } from "./http-retry-after.ts";
export type { BalancerKind, Picker } from "./kind.ts";
export { type LeastLoadedOptions, leastLoaded } from "./least-loaded.ts";
export { LoadBand, type LoadBandOptions, type LoadBandWatcher } from "./load-band.ts";
export { Node } from "./node.ts";
export { type Candidate, P2c } from "./p2c.ts";
export { type PeakEwmaOptions, peakEwma } from "./peak-ewma.ts";
export type { PushBackOptions, RetryAfterMs } from "./push-back.ts";
export { type PeerCoordinate, ringSlice } from "./ring-slice.ts";
export { type RoundRobinOptions, roundRobin } from "./round-robin.ts";
export { SlowStart, type SlowStartOptions } from "./slow-start.ts";
export { type WeightedRoundRobinOptions, weightedRoundRobin } from "./weighted-round-robin.ts";
export type { ZonePreferenceOptions } from "./zone-preference.ts";
