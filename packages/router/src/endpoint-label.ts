import { EndpointParam } from "@weftmesh/balancer";
import { type Module, type Param, type ParamSpec, type Role, role, type Var } from "@weftmesh/core";
import { EndpointLabelParam } from "@weftmesh/failure-accrual";
import { type Addr, showAddress } from "@weftmesh/naming";
import type { HttpService } from "./http-service.ts";

export const EndpointLabelRole: Role = role("endpointLabel");

const params = { endpoint: EndpointParam as Param<unknown> } as const satisfies ParamSpec;

/** Tells the breakers below what to call their endpoint. No layer at all. */
export const endpointLabel: Module<HttpService> = {
  role: EndpointLabelRole,
  description: "Names the endpoint in events and errors",
  params,
  make: (outer, next) => next.make(outer.with(EndpointLabelParam, showAddress(outer.get(EndpointParam)))),
};

/** How many endpoints a destination has, as long as discovery says so; without an end while it does not. */
export function endpointCount(addr: Var<Addr>): () => number {
  return () => {
    const now = addr.sample();
    return now.kind === "bound" ? now.addresses.length : Number.POSITIVE_INFINITY;
  };
}
