import { OverloadGuardParam } from "@weftmesh/admission";
import type { Params } from "@weftmesh/core";
import type { Http1ServerOptions } from "@weftmesh/transport-http1";
import type { HttpServerConfig } from "./config.ts";

/** How much a server takes on: by its own limits, and by those of the process. */
export function takenOn(
  { maxConnections }: HttpServerConfig,
  params: Params,
): Pick<Http1ServerOptions, "maxConnections" | "guard"> {
  const guard = params.get(OverloadGuardParam);
  return {
    ...(maxConnections === undefined ? {} : { maxConnections }),
    ...(guard === undefined ? {} : { guard }),
  };
}

const never = Number.POSITIVE_INFINITY;

/** How slow the clients of a server may be. */
export function paceLimits({ slowClients }: HttpServerConfig): NonNullable<Http1ServerOptions["limits"]> {
  if (slowClients === undefined) return {};
  const { headerTimeoutMs, bodyWindowMs, minBodyBytesPerSec, responseWindowMs, minResponseBytesPerSec } = slowClients;
  return {
    headerTimeoutMs: headerTimeoutMs === 0 ? never : headerTimeoutMs,
    bodyTimeoutMs: bodyWindowMs === 0 ? never : bodyWindowMs,
    minBodyBytesPerSec,
    responseTimeoutMs: responseWindowMs === 0 ? never : responseWindowMs,
    minResponseBytesPerSec,
  };
}
