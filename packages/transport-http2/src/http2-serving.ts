import type { Connection, HttpRequest } from "@weftmesh/http";
import { type ConnectionOwner, type FrameWire, type Serving, servingCheckMs, servingSettings } from "@weftmesh/wire";
import { endpointOptions } from "./endpoint-options.ts";
import { defaultFrameRates } from "./rate-limits.ts";
import type { Http2ServerOptions } from "./server.ts";
import { ServerSession } from "./server-session.ts";
import { defaultHttp2ServerLimits, type Http2ServerSettings } from "./server-settings.ts";

/** What a server that speaks HTTP/2 has for its connections. */
export interface ServesHttp2 {
  readonly http2: { readonly settings: Http2ServerSettings };
}

/** HTTP/2 on the connections of a server. */
export class Http2Serving implements Serving<ServesHttp2>, ServesHttp2 {
  readonly protocols: readonly string[] = ["h2"];
  readonly checkMs: number;
  readonly settings: Http2ServerSettings;
  readonly #unwatchTunnels: (() => void) | undefined;

  constructor(options: Http2ServerOptions) {
    this.settings = {
      ...servingSettings(options),
      respond: options.respond,
      limits: { ...defaultHttp2ServerLimits, ...options.limits },
      endpoint: endpointOptions(options.endpoint),
      rates: { ...defaultFrameRates, ...options.rates },
      downgrade: options.downgrade,
    };
    this.checkMs = servingCheckMs(this.settings);
    this.#unwatchTunnels = options.tunnels?.stats.watchOpen();
  }

  get http2(): this {
    return this;
  }

  begin(owner: ConnectionOwner<ServesHttp2>, wire: FrameWire, connection: Connection): ServerSession {
    const served = new ServerSession(owner, wire, connection);
    wire.readBy(served);
    return served;
  }

  /** Takes a connection over from HTTP/1.1, with the request that becomes stream 1 and the settings that came with it. */
  upgraded(
    owner: ConnectionOwner<ServesHttp2>,
    wire: FrameWire,
    connection: Connection,
    req: HttpRequest,
    settings: Buffer,
  ): ServerSession {
    const served = new ServerSession(owner, wire, connection, true);
    served.upgraded(req, settings);
    return served;
  }

  ended(): void {
    this.#unwatchTunnels?.();
  }
}
