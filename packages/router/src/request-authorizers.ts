import {
  type Filter,
  filtered,
  type Module,
  type Param,
  type ParamSpec,
  type Params,
  param,
  type Role,
  role,
} from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import type { HttpService } from "./http-service.ts";

export const RequestAuthorizersRole: Role = role("requestAuthorizers");

/** Makes the filter of one authorizer from the parameters of the stack that it will stand in. */
export type NewRequestAuthorizer = (params: Params) => Filter<HttpRequest, HttpResponse>;

/** The authorizers of a client, in the order in which a request meets them; none leaves the module out. */
export const RequestAuthorizersParam: Param<readonly NewRequestAuthorizer[]> = param<readonly NewRequestAuthorizer[]>(
  "requestAuthorizers",
  [],
  (all) => all.length,
);

const spec = { authorizers: RequestAuthorizersParam } as const satisfies ParamSpec;

/**
 * Filters that a config adds to a client: they may refuse a request, or only look at it.
 *
 * Shape: below the balancer, once per endpoint, so `EndpointParam` is among their parameters; above the client's stats, which
 * do not count what they refuse.
 */
export const requestAuthorizers: Module<HttpService> = {
  role: RequestAuthorizersRole,
  description: "Filters of the config that may refuse a request",
  params: spec,
  make: (params, next) => {
    let service = next.make(params);
    const { authorizers } = params.pick(spec);
    for (let i = authorizers.length - 1; i >= 0; i--) {
      service = filtered((authorizers[i] as NewRequestAuthorizer)(params), service);
    }
    return service;
  },
};
