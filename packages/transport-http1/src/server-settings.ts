import type { Ctx } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import type { ServingSettings, SlownessLimits } from "@weftmesh/wire";
import type { ProtocolSwitch } from "./protocol-switch.ts";
import type { RequestLimits } from "./request-head.ts";

/** What a server allows its clients. Units: bytes and ms; `Infinity` leaves a limit out. */
export interface ServerLimits extends RequestLimits, SlownessLimits {
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
export interface ServerSettings extends ServingSettings {
  /** The answer to a call that failed; a bare 502 and the end of the connection when not given. */
  readonly respond: ((error: Error, req: HttpRequest, ctx: Ctx) => HttpResponse) | undefined;
  readonly limits: ServerLimits;
  /** What connections may go over to; nothing if undefined. */
  readonly switchTo: ProtocolSwitch | undefined;
}
