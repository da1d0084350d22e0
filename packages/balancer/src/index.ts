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
} from "./balancer-module.ts";
export { BalancerQueueFullError, NoEndpointsError } from "./errors.ts";
export { Ewma } from "./ewma.ts";
export type { BalancerKind, Picker } from "./kind.ts";
export { leastLoaded } from "./least-loaded.ts";
export { Node } from "./node.ts";
export { type Candidate, P2c } from "./p2c.ts";
export { type PeakEwmaOptions, peakEwma } from "./peak-ewma.ts";
