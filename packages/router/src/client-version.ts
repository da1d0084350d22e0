import type { HttpVersionName } from "@weftmesh/config";
import { type Module, type Param, param } from "@weftmesh/core";
import { PoolRole, poolModule, poolParams, sharedPool } from "@weftmesh/pool";
import type { HttpService } from "./http-service.ts";

/** Which version of HTTP is spoken to an endpoint. */
export const ClientVersionParam: Param<HttpVersionName> = param<HttpVersionName>("protocol", "http1");

/** The `pool` of a client stack: of connections that take one call at a time, or of such that take many. */
export function versionPool(): Module<HttpService> {
  const alone = poolModule() as unknown as Module<HttpService>;
  const together = sharedPool() as unknown as Module<HttpService>;
  return {
    role: PoolRole,
    description: "Keeps an endpoint's connections, and makes each call on one of them: with HTTP/2 they share it",
    params: { ...poolParams, protocol: ClientVersionParam },
    make: (values, next) => (values.get(ClientVersionParam) === "h2" ? together : alone).make(values, next),
  };
}
