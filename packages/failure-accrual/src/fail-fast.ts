import type { Backoff } from "@weftmesh/backoff";
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
  sessionsBelow,
  unpooled,
} from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { failFastBackoff } from "./default-backoff.ts";
import { EjectionListenerParam, EndpointLabelParam } from "./ejection-event.ts";
import { EndpointCountParam } from "./ejections.ts";
import { FailFastSessions } from "./fail-fast-sessions.ts";

export const FailFastRole: Role = role("failFast");

/** Whether an endpoint is `busy` while connections to it fail. */
export const FailFastParam: Param<boolean> = param("failFast", false);

/** The waits between the tries in the background. */
export const FailFastBackoffParam: Param<Backoff> = param<Backoff>(
  "failFastBackoff",
  failFastBackoff,
  (each) => each.name,
);

const params = {
  enabled: FailFastParam,
  backoff: FailFastBackoffParam,
  count: EndpointCountParam,
  label: EndpointLabelParam,
  listener: EjectionListenerParam,
  clock: ClockParam,
  rng: RngParam,
  stats: StatsParam,
} as const satisfies ParamSpec;

/**
 * Fails calls at once that need a new connection while none can be made, and tries for one in the background.
 *
 * Shape: stands right below the pool and above the leaf, so that it sees connections and nothing else: calls on those
 * that are open go on. An endpoint that is the only one is never marked dead.
 * Errors: TypeError when what stands below offers no sessions.
 * Source: Finagle FailFastFactory.
 */
export function failFast<Req, Rep>(): Module<Service<Req, Rep>> {
  return {
    role: FailFastRole,
    description: "Fails at once while no connection can be made, and tries for one in the background",
    params,
    make: (outer, next) => {
      const { enabled, ...settings } = outer.pick(params);
      if (!enabled) return next.make(outer);
      const sessions = sessionsBelow<Req, Rep>(outer, next, "failFast must stand between the pool and the transport");
      return unpooled(new FailFastSessions(sessions, settings));
    },
  };
}
