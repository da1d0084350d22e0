import type { HttpServerConfig, ServerConfig, ServerVersionsConfig, TunnelsConfig } from "@weftmesh/config";
import { ClockParam } from "@weftmesh/core";
import { ListenersParam } from "@weftmesh/listeners";
import type { Http1ServerOptions } from "@weftmesh/transport-http1";
import type { Http2ServerOptions } from "@weftmesh/transport-http2";
import { type ServingOptions, serverConnectionStats, type WireServerOptions } from "@weftmesh/wire";
import type { Listening, ListenParts } from "./configured-router.ts";
import { listenVersions } from "./listen-versions.ts";
import { listenerSocket, paceLimits, takenOn } from "./socket-settings.ts";
import { tunnelOptions } from "./tunnel-options.ts";

/** What a protocol says of the connections of each version, beside what the keys that all servers have say. */
export interface VersionRules extends Pick<WireServerOptions, "connectionBufferBytes"> {
  readonly tunnels: TunnelsConfig | undefined;
  readonly http1: Omit<Http1ServerOptions, keyof ServingOptions | "switchTo">;
  readonly http2: Omit<Http2ServerOptions, keyof ServingOptions>;
}

const never = Number.POSITIVE_INFINITY;

/** Listens as the config of a server says, for the versions that it names. */
export function listenConfigured(
  server: ServerConfig & HttpServerConfig & ServerVersionsConfig,
  { params, service, stats, tls }: ListenParts,
  { tunnels, http1, http2, ...more }: VersionRules,
): Promise<Listening> {
  const { serverSession: session, socketOptions } = server;
  const listeners = params.get(ListenersParam);
  const pace = paceLimits(server);
  const refuseUnderscores = !server.allowUnderscoresInHeaders;
  const own = {
    service,
    ...tunnelOptions(tunnels, stats),
    session: { idleTimeMs: session?.idleTimeMs ?? never, lifeTimeMs: session?.lifeTimeMs ?? never },
  };
  const wire = {
    ...more,
    host: server.ip,
    port: server.port,
    ...(socketOptions === undefined ? {} : { socketOptions: listenerSocket(socketOptions) }),
    ...(tls === undefined ? {} : { tls }),
    clock: params.get(ClockParam),
    stats: serverConnectionStats(stats),
    ...takenOn(server, params),
    ...(listeners === undefined ? {} : { listeners }),
  };
  return listenVersions(server.protocols, wire, {
    http1: {
      ...own,
      passesInterim: server.interimResponses === "all",
      ...http1,
      limits: { ...pace, refuseUnderscores, ...http1.limits },
    },
    http2: {
      ...own,
      passesInterim: server.interimResponses !== "none",
      ...http2,
      limits: { ...pace, refuseUnderscores, ...http2.limits },
    },
  });
}
