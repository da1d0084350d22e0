import { OverloadGuardParam } from "@weftmesh/admission";
import type { ServerConfig, SocketOptions } from "@weftmesh/config";
import type { Param, Params } from "@weftmesh/core";
import { type Given, given } from "./given.ts";

type SocketSettings = Given<Omit<SocketOptions, "reuseAddr">>;

/** How a listener and its sockets are set up. Keys that were not given are left out. */
export function listenerSocket({ reuseAddr: _always, ...options }: SocketOptions): SocketSettings {
  return given(options);
}

/** Of the options of a socket, those that concern one which we open. */
export function connectionSocket(options: SocketOptions): Omit<SocketSettings, "reusePort" | "backlog"> {
  const { reusePort: _listens, backlog: _too, ...rest } = listenerSocket(options);
  return rest;
}

type Guard = typeof OverloadGuardParam extends Param<infer T> ? NonNullable<T> : never;

/** How much a server takes on: by its own limits, and by those of the process. */
export function takenOn(
  { maxConnections }: ServerConfig,
  params: Params,
): { readonly maxConnections?: number; readonly guard?: Guard } {
  const guard = params.get(OverloadGuardParam);
  return {
    ...(maxConnections === undefined ? {} : { maxConnections }),
    ...(guard === undefined ? {} : { guard }),
  };
}

/** How slow a client may be. Units: ms, `Infinity` for no limit. */
export interface PaceLimits {
  readonly headerTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly minBodyBytesPerSec: number;
  readonly responseTimeoutMs: number;
  readonly minResponseBytesPerSec: number;
}

const never = Number.POSITIVE_INFINITY;

/** What the config says of slow clients; nothing where it says nothing. */
export function paceLimits({ slowClients }: ServerConfig): Partial<PaceLimits> {
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
