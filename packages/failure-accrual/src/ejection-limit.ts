import { type Module, type Param, type ParamSpec, param, type Role, role, type Service } from "@weftmesh/core";
import { EjectionsParam, EndpointCountParam, newEjections } from "./ejections.ts";

export const EjectionLimitRole: Role = role("ejectionLimit");

/** Percent of a client's endpoints that failure accrual may have out at once; 100 is no limit. */
export const MaxEjectionPercentParam: Param<number> = param("maxEjectionPercent", 100);

const params = {
  maxPercent: MaxEjectionPercentParam,
  count: EndpointCountParam,
} as const satisfies ParamSpec;

/**
 * Bounds how many endpoints the failure accruals below it may have out at once. Must be above the balancer.
 *
 * Shape: no layer at all: what stands below it is built with `EjectionsParam`.
 * Errors: RangeError unless `maxEjectionPercent` is from 0 to 100.
 */
export function ejectionLimit<Req, Rep>(): Module<Service<Req, Rep>> {
  return {
    role: EjectionLimitRole,
    description: "Bounds how many endpoints may be out at once",
    params,
    make: (outer, next) => {
      const { maxPercent, count } = outer.pick(params);
      if (maxPercent === 100) return next.make(outer);
      return next.make(outer.with(EjectionsParam, newEjections({ size: count, maxEjectionPercent: maxPercent })));
    },
  };
}
