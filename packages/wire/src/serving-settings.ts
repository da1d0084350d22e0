import type { Clock, Service } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import type { WireServerOptions } from "./server.ts";
import { noGuard, type ServerGuard } from "./server-guard.ts";
import { nullServerStats, type ServerConnectionStats } from "./server-stats.ts";
import { checkInterval } from "./serving.ts";
import type { TunnelSettings } from "./tunnel.ts";

/** What the servers of every version of HTTP are given. */
export interface ServingOptions extends WireServerOptions {
  readonly service: Service<HttpRequest, HttpResponse>;
  readonly session?: {
    /** A connection without a request for so long is closed; never if not given. */
    readonly idleTimeMs?: number;
    /** A connection older than this takes no new requests, and is closed behind the last; never if not given. */
    readonly lifeTimeMs?: number;
  };
  /** What clients may make tunnels of; nothing if not given. */
  readonly tunnels?: TunnelSettings;
  /** Whether clients hear of interim responses (102 to 199), by `HttpRequest.interim`; true if not given. */
  readonly passesInterim?: boolean;
}

/** How slow a client may be, whatever it speaks. Units: ms; `Infinity` leaves a limit out. */
export interface SlownessLimits {
  /** From the first byte of a head to its last. */
  readonly headerTimeoutMs: number;
  /** How long a window is in which a body must bring `minBodyBytesPerSec` on average. */
  readonly bodyTimeoutMs: number;
  /** 0 leaves only silence for a whole window to be refused. */
  readonly minBodyBytesPerSec: number;
  /** How long a client may take nothing, or too little, of what waits for it. */
  readonly responseTimeoutMs: number;
  /** 0 lets a client take as little as it likes. */
  readonly minResponseBytesPerSec: number;
  /** How long a connection goes on reading what nobody wants, before it is closed. */
  readonly lingerMs: number;
}

/** What the connections of one server share, whatever version of HTTP they carry. Units: ms; `Infinity` for never. */
export interface ServingSettings {
  readonly service: Service<HttpRequest, HttpResponse>;
  readonly clock: Clock;
  readonly stats: ServerConnectionStats;
  /** A connection without a request for so long is closed. */
  readonly idleTimeMs: number;
  /** A connection older than this takes no new requests, and is closed behind the last. */
  readonly lifeTimeMs: number;
  /** A connection that is waited for and sends nothing for so long is closed. */
  readonly readTimeoutMs: number;
  /** A connection that takes nothing of what is to be written for so long is closed. */
  readonly writeTimeoutMs: number;
  readonly guard: ServerGuard;
  /** What clients may make tunnels of; nothing if undefined. */
  readonly tunnels: TunnelSettings | undefined;
  /** Whether clients hear of interim responses. */
  readonly passesInterim: boolean;
}

const never = Number.POSITIVE_INFINITY;

/** The options, and what holds where they say nothing. */
export function servingSettings(options: ServingOptions): ServingSettings {
  const { session, socketOptions } = options;
  return {
    service: options.service,
    clock: options.clock,
    stats: options.stats ?? nullServerStats,
    idleTimeMs: session?.idleTimeMs ?? never,
    lifeTimeMs: session?.lifeTimeMs ?? never,
    readTimeoutMs: socketOptions?.readTimeoutMs ?? never,
    writeTimeoutMs: socketOptions?.writeTimeoutMs ?? never,
    guard: options.guard ?? noGuard,
    tunnels: options.tunnels,
    passesInterim: options.passesInterim ?? true,
  };
}

/** How often connections with these limits are checked. Units: ms. */
export function servingCheckMs(settings: ServingSettings & { readonly limits: SlownessLimits }): number {
  const { idleTimeMs, lifeTimeMs, readTimeoutMs, writeTimeoutMs } = settings;
  const { headerTimeoutMs, bodyTimeoutMs, responseTimeoutMs, lingerMs } = settings.limits;
  return checkInterval(
    idleTimeMs,
    lifeTimeMs,
    readTimeoutMs,
    writeTimeoutMs,
    headerTimeoutMs,
    bodyTimeoutMs,
    responseTimeoutMs,
    lingerMs,
  );
}
