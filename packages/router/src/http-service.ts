import type { Filter, Module, ParamSpec, ParamValues, Role, Service } from "@weftmesh/core";
import { defineModule, filtered } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";

/** What every stack of an http or h2 router is made of. */
export type HttpService = Service<HttpRequest, HttpResponse>;
export type HttpFilter = Filter<HttpRequest, HttpResponse>;

/** A stack module that is one filter of HTTP messages; `undefined` leaves the module out of what is built. */
export function httpFilterModule<const P extends ParamSpec>(spec: {
  role: Role;
  description: string;
  params: P;
  filter(values: ParamValues<P>): HttpFilter | undefined;
}): Module<HttpService> {
  return defineModule<HttpService, P>({
    role: spec.role,
    description: spec.description,
    params: spec.params,
    make: (values, next) => {
      const filter = spec.filter(values);
      return filter === undefined ? next : filtered(filter, next);
    },
  });
}
