import {
  ClockParam,
  type Module,
  type Param,
  type ParamSpec,
  param,
  RngParam,
  type Role,
  role,
  type Service,
  Var,
} from "@weftmesh/core";
import { type Addr, type Address, address, negAddr, showAddress } from "@weftmesh/naming";
import { StatsParam } from "@weftmesh/telemetry";
import { Balancer } from "./balancer.ts";
import type { BalancerKind } from "./kind.ts";
import { leastLoaded } from "./least-loaded.ts";
import type { ZonePreferenceOptions } from "./zone-preference.ts";

export const LoadBalancerRole: Role = role("loadBalancer");

/** The addresses to balance over. */
export const DestParam: Param<Var<Addr>> = param<Var<Addr>>("dest", Var.of(negAddr), () => "dest");

/** How errors call the destination; its bound id, as a rule. */
export const DestLabelParam: Param<string> = param("destLabel", "a destination without a name");

/** Set by the balancer for what stands below it: the address that an endpoint's stack is for. */
export const EndpointParam: Param<Address> = param("endpoint", address("0.0.0.0", 0), showAddress);

export const BalancerParam: Param<BalancerKind> = param("loadBalancer", leastLoaded(), (kind) => kind.algorithm);

/** Whether an endpoint that discovery drops stays until it fails. */
export const EnableProbationParam: Param<boolean> = param("enableProbation", false);

/** Calls that may wait for the first addresses of the destination. */
export const MaxWaitingParam: Param<number> = param("maxWaitingCalls", 10_000);

/**
 * The percentage of open endpoints below which their status counts no more, 0 to 100. With 0, which is as in Linkerd,
 * only a call for which a few tries found nobody open takes whatever comes.
 */
export const PanicThresholdParam: Param<number> = param("panicThresholdPercent", 0);

/** Prefers the endpoints of one zone; undefined, the default, treats all alike. */
export const ZonePreferenceParam: Param<ZonePreferenceOptions | undefined> = param<ZonePreferenceOptions | undefined>(
  "zonePreference",
  undefined,
);

const params = {
  dest: DestParam,
  label: DestLabelParam,
  kind: BalancerParam,
  probation: EnableProbationParam,
  maxWaiting: MaxWaitingParam,
  zone: ZonePreferenceParam,
  panicPercent: PanicThresholdParam,
  clock: ClockParam,
  rng: RngParam,
  stats: StatsParam,
} as const satisfies ParamSpec;

/** Balances over the addresses of `DestParam`; what stands below is built once per address, with `EndpointParam`. */
export function balancer<Req, Rep>(): Module<Service<Req, Rep>> {
  return {
    role: LoadBalancerRole,
    description: "Sends each call to one of the destination's endpoints, chosen by load",
    params,
    make: (outer, next) =>
      new Balancer<Req, Rep>({
        ...outer.pick(params),
        endpoint: (each) => next.make(outer.with(EndpointParam, each)),
      }),
  };
}
