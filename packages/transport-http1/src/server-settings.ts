import type { Clock, Ctx, Service } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import type { ServerConnectionStats, ServerGuard, TunnelSettings } from "@weftmesh/wire";
import type { ProtocolSwitch } from "./protocol-switch.ts";
import type { RequestLimits } from "./request-head.ts";

/** What a server allows its clients. Units: bytes and ms; `Infinity` leaves a limit out. */
export interface ServerLimits extends RequestLimits {
  /** From the first byte of a head to its last. */
  readonly headerTimeoutMs: number;
  /** How long a window is in which a body must bring `minBodyBytesPerSec` on average. */
  readonly bodyTimeoutMs: number;
  /** 0 leaves only silence for a whole window to be refused. */
  readonly minBodyBytesPerSec: number;
  /** How long a window is in which a client must take `minResponseBytesPerSec` of what waits for it. */
  readonly responseTimeoutMs: number;
  /** 0 lets a client take as little as it likes. */
  readonly minResponseBytesPerSec: number;
  /** How long a connection goes on reading what nobody wants: after a refusal, and behind an early response. */
  readonly lingerMs: number;
  /** How much of a request body is read that nobody wants, before the connection is given up instead. */
  readonly lingerBytes: number;
}

export const defaultServerLimits: ServerLimits = {
  maxInitialLineBytes: 4_096,
  maxHeaderBytes: 8_192,
  maxHeaderLines: 1_000,
  headerTimeoutMs: 10_000,
  bodyTimeoutMs: 20_000,
  minBodyBytesPerSec: 50,
  responseTimeoutMs: 60_000,
  minResponseBytesPerSec: 0,
  lingerMs: 2_000,
  lingerBytes: 262_144,
};

/** What the connections of one server share. */
export interface ServerSettings {
  readonly service: Service<HttpRequest, HttpResponse>;
  /** The answer to a call that failed; a bare 502 and the end of the connection when not given. */
  readonly respond: ((error: Error, req: HttpRequest, ctx: Ctx) => HttpResponse) | undefined;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly stats: ServerConnectionStats;
  /** A connection without a request for so long is closed. */
  readonly idleTimeMs: number;
  /** A connection older than this is closed after its response. */
  readonly lifeTimeMs: number;
  /** A connection that is waited for and sends nothing for so long is closed. */
  readonly readTimeoutMs: number;
  /** A connection that takes nothing of what is to be written for so long is closed. */
  readonly writeTimeoutMs: number;
  readonly guard: ServerGuard;
  /** None are made if undefined. */
  readonly tunnels: TunnelSettings | undefined;
  /** Whether clients hear of interim responses. */
  readonly passesInterim: boolean;
  /** What connections may go over to; nothing if undefined. */
  readonly switchTo: ProtocolSwitch | undefined;
}
