import type { ServerProtocolName } from "@weftmesh/config";
import type { HttpServerOptions } from "@weftmesh/transport-http";
import { listenHttp1 } from "@weftmesh/transport-http1";
import type { WireServer, WireServerOptions } from "@weftmesh/wire";
import { loadHttp2 } from "./http2-on-demand.ts";

/** What a listener does with the connections of each version, should it take such. */
export type VersionsServed = Required<Pick<HttpServerOptions, "http1" | "http2">>;

/** Listens for those versions. */
export async function listenVersions(
  protocols: readonly ServerProtocolName[],
  wire: WireServerOptions,
  { http1, http2 }: VersionsServed,
): Promise<WireServer> {
  if (!protocols.includes("h2")) return listenHttp1({ ...wire, ...http1 });
  const takesHttp1 = protocols.includes("http1");
  // Within TLS the client has chosen before it could ask for an upgrade.
  const upgrade = protocols.includes("h2cUpgrade") && wire.tls === undefined;
  const { listenHttp2 } = await loadHttp2();
  if (!takesHttp1 && !upgrade) return listenHttp2({ ...wire, ...http2 });
  const { listenHttp } = await import("@weftmesh/transport-http");
  return listenHttp({ ...wire, http2, upgrade, ...(takesHttp1 ? { http1 } : {}) });
}

/** What clients may choose within TLS, the preferred first. */
export function alpnOf(protocols: readonly ServerProtocolName[]): readonly string[] {
  const names: string[] = [];
  if (protocols.includes("h2")) names.push("h2");
  if (protocols.includes("http1")) names.push("http/1.1", "http/1.0");
  return names;
}
