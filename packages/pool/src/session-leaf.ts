import type { Params, Service, ServiceFactory, Stack } from "@weftmesh/core";

/**
 * What stands right below a pool: a service that offers the factory of the sessions that it would open itself.
 *
 * Shape: `unpooled` makes one. A module between the pool and the transport, which watches or refuses connects, returns
 * one as well, with a factory of its own around that of the leaf below it.
 */
export interface SessionLeaf<in Req, out Rep> extends Service<Req, Rep> {
  readonly sessions: ServiceFactory<Req, Rep>;
}

/** The sessions that the rest of the stack offers. Errors: TypeError when it offers none. */
export function sessionsBelow<Req, Rep>(values: Params, next: Stack<Service<Req, Rep>>): ServiceFactory<Req, Rep> {
  const below = next.make(values);
  if (isSessionLeaf(below)) return below.sessions;
  const between = next.roles.length === 0 ? "the leaf is no unpooled factory" : `below it: ${next.roles.join(", ")}`;
  throw new TypeError(`the pool must stand right above the transport (${between})`);
}

function isSessionLeaf<Req, Rep>(below: Service<Req, Rep>): below is SessionLeaf<Req, Rep> {
  return "sessions" in below;
}
