import { EndpointParam } from "@weftmesh/balancer";
import type { ClientProtocolName } from "@weftmesh/config";
import { type Module, type Param, type Params, param } from "@weftmesh/core";
import { httpStatusOf, protocolHint } from "@weftmesh/naming";
import { PoolRole, poolModule, poolParams, sharedPool } from "@weftmesh/pool";
import { StatsParam } from "@weftmesh/telemetry";
import type { HttpService } from "./http-service.ts";
import { guessedPeer, UpgradePeerParam, UpgradingClient } from "./upgrading-client.ts";

/** Which version of HTTP is spoken to an endpoint. */
export const ClientVersionParam: Param<ClientProtocolName> = param<ClientProtocolName>("protocol", "http1");

/** Whether an endpoint of which discovery says that it takes upgraded requests gets them. */
export const ProtocolHintParam: Param<boolean> = param<boolean>("protocolHint", true);

/** The `pool` of a client stack: of connections that take one call at a time, or of such that take many, or of both. */
export function versionPool(): Module<HttpService> {
  const alone = poolModule() as unknown as Module<HttpService>;
  const together = sharedPool() as unknown as Module<HttpService>;
  return {
    role: PoolRole,
    description: "Keeps an endpoint's connections, and makes each call on one of them: with HTTP/2 they share it",
    params: { ...poolParams, protocol: ClientVersionParam, hint: ProtocolHintParam },
    make: (values, next) => {
      const version = versionOf(values);
      if (version !== "upgrade") return (version === "h2" ? together : alone).make(values, next);
      const peer = guessedPeer();
      const over2 = values.with(ClientVersionParam, "h2").with(UpgradePeerParam, peer);
      return new UpgradingClient(
        peer,
        together.make(over2, next),
        () => alone.make(values.with(ClientVersionParam, "http1"), next),
        values.get(StatsParam),
      );
    },
  };
}

/** What is spoken to the endpoint that a stack is for. */
function versionOf(values: Params): ClientProtocolName {
  const version = values.get(ClientVersionParam);
  if (!values.get(ProtocolHintParam)) return version;
  const endpoint = values.get(EndpointParam);
  return endpoint.metadata[protocolHint] === "h2" && httpStatusOf(endpoint) === undefined ? "upgrade" : version;
}
