import {
  ClockParam,
  defineModule,
  type Module,
  type Param,
  param,
  RngParam,
  type Role,
  role,
  type Service,
} from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { consecutiveFailures } from "./consecutive-failures.ts";
import { EjectionListenerParam, EndpointLabelParam } from "./ejection-event.ts";
import { EjectionsParam } from "./ejections.ts";
import { EndpointBreaker } from "./endpoint-breaker.ts";
import { type FailureAccrualKind, none } from "./policy.ts";

export const FailureAccrualRole: Role = role("failureAccrual");

/** By what an endpoint is judged; `none` leaves the module out. Five failures in a row, as in Linkerd 1, if not set. */
export const FailureAccrualParam: Param<FailureAccrualKind> = param<FailureAccrualKind>(
  "failureAccrual",
  consecutiveFailures(5),
  (kind) => kind.name,
);

/** How long a probe may take, in ms, before it counts by the head of its answer, or as failed when it has none. */
export const ProbeTimeoutMsParam: Param<number> = param("probeTimeoutMs", 10_000);

const params = {
  kind: FailureAccrualParam,
  probeTimeoutMs: ProbeTimeoutMsParam,
  ejections: EjectionsParam,
  listener: EjectionListenerParam,
  label: EndpointLabelParam,
  clock: ClockParam,
  rng: RngParam,
  stats: StatsParam,
} as const;

/**
 * A breaker per endpoint: `busy` while the endpoint fails, so that a balancer above asks others; never a refusal.
 *
 * Must be below the balancer and above the attempt's timeout, whose expiry is a failure of the endpoint.
 * Errors: RangeError unless `probeTimeoutMs` is above 0.
 * Source: Finagle FailureAccrualFactory; there any call that ends while a probe is out decides in the probe's place.
 */
export function failureAccrual<Req, Rep>(): Module<Service<Req, Rep>> {
  return defineModule<Service<Req, Rep>, typeof params>({
    role: FailureAccrualRole,
    description: "Takes an endpoint out while it fails, and lets it back by a probe",
    params,
    make: (values, next) => {
      if (values.kind === none) return next;
      if (!(values.probeTimeoutMs > 0)) {
        throw new RangeError(`probeTimeoutMs must be above 0, not ${values.probeTimeoutMs}`);
      }
      return new EndpointBreaker(next, values);
    },
  });
}
