import { listenOnWires, type ServingOptions, type WireServer } from "@weftmesh/wire";
import { Http1Serving } from "./http1-serving.ts";
import type { ProtocolSwitch } from "./protocol-switch.ts";
import type { ServerLimits, ServerSettings } from "./server-settings.ts";

export interface Http1ServerOptions extends ServingOptions {
  /** The answer to a call that failed; a bare 502 and the end of the connection when not given. */
  readonly respond?: ServerSettings["respond"];
  /** What is not given is as in `defaultServerLimits`. */
  readonly limits?: Partial<ServerLimits>;
  /** Another protocol that connections may go over to; none if not given. */
  readonly switchTo?: ProtocolSwitch;
}

/** A server that listens. */
export type Http1Server = WireServer;

/**
 * Listens for HTTP/1.1 and has the service answer.
 *
 * Shape: the service is called once per request with a ctx of its own, which carries `ConnectionKey`; the ctx is
 * cancelled when the client leaves. A call that rejects is answered with 502 and the connection closed: whoever wants
 * better answers makes them in the service.
 * Errors: rejects with `WEFT_LISTEN`, which names the address.
 * @example
 * const server = await listenHttp1({ service: service(() => Promise.resolve(new HttpResponse(204))), port: 0, clock: systemClock });
 */
export async function listenHttp1(options: Http1ServerOptions): Promise<Http1Server> {
  return listenOnWires(options, new Http1Serving(options));
}
