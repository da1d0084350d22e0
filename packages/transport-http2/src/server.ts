import { listenOnWires, type ServingOptions, type TunnelSettings, type WireServer } from "@weftmesh/wire";
import type { EndpointOptions } from "./endpoint-options.ts";
import { Http2Serving } from "./http2-serving.ts";
import type { FrameRates } from "./rate-limits.ts";
import type { DowngradeSettings, Http2ServerLimits, Http2ServerSettings } from "./server-settings.ts";

export interface Http2ServerOptions extends ServingOptions {
  /** The answer to a call that failed. If not given, a `StreamError` resets with its code, and any other gets a bare 502. */
  readonly respond?: Http2ServerSettings["respond"];
  /** What is not given is as in `defaultHttp2ServerLimits`. */
  readonly limits?: Partial<Http2ServerLimits>;
  /** What is not given is as in `defaultEndpointOptions`. */
  readonly endpoint?: Partial<EndpointOptions>;
  /** What is not given is as in `defaultFrameRates`. */
  readonly rates?: Partial<FrameRates>;
  /**
   * Takes a request that another proxy has upgraded from HTTP/1, and says so in `l5d-orig-proto`, as what it was, and
   * answers it so; if not given, that is a header as any other.
   */
  readonly downgrade?: DowngradeSettings;
  /** What clients may make tunnels of, by CONNECT and by extended CONNECT (RFC 8441). */
  readonly tunnels?: TunnelSettings;
}

/** A server that listens. */
export type Http2Server = WireServer;

/**
 * Listens for HTTP/2, of clients that know beforehand or agree on it within TLS, and has the service answer.
 *
 * Shape: the service is called once per request with a ctx of its own, which carries `ConnectionKey`; the ctx is
 * cancelled when the client resets the stream or leaves.
 * Errors: rejects with `WEFT_LISTEN`, which names the address.
 * @example
 * const server = await listenHttp2({ service: service(() => Promise.resolve(new HttpResponse(204))), port: 0, clock: systemClock });
 */
export async function listenHttp2(options: Http2ServerOptions): Promise<Http2Server> {
  return listenOnWires(options, new Http2Serving(options));
}
