import type { Http1ServerOptions } from "@weftmesh/transport-http1";
import type { Http2ServerOptions } from "@weftmesh/transport-http2";
import { listenOnWires, type WireServer, type WireServerOptions } from "@weftmesh/wire";
import { HttpServing } from "./http-serving.ts";

/** What concerns one version alone, or may differ between them. */
type Own<Options> = Omit<Options, keyof WireServerOptions | "switchTo">;

export interface HttpServerOptions extends WireServerOptions {
  /** Where it is not given, a client of HTTP/1.1 is answered with 426, unless it upgrades. */
  readonly http1?: Own<Http1ServerOptions>;
  readonly http2: Own<Http2ServerOptions>;
  /** Whether a client of HTTP/1.1 may go over to HTTP/2 by `Upgrade: h2c`; false if not given. */
  readonly upgrade?: boolean;
}

/**
 * Listens for HTTP/1.1 and HTTP/2 on one port.
 *
 * Shape: with TLS the client chooses by ALPN. Where nothing was chosen, the first bytes tell: HTTP/2's preface, or
 * anything else. From then on the connection is one of the transport that it belongs to.
 * Errors: rejects with `WEFT_LISTEN`, which names the address.
 * Cost: nothing per request.
 */
export async function listenHttp(options: HttpServerOptions): Promise<WireServer> {
  return listenOnWires(options, new HttpServing(options));
}
