import type { Connection, HttpRequest } from "@weftmesh/http";
import {
  type ConnectionOwner,
  checkInterval,
  type FrameWire,
  noGuard,
  nullServerStats,
  type Serving,
} from "@weftmesh/wire";
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
    const { session, socketOptions, tunnels } = options;
    const never = Number.POSITIVE_INFINITY;
    this.settings = {
      service: options.service,
      respond: options.respond,
      limits: { ...defaultHttp2ServerLimits, ...options.limits },
      endpoint: endpointOptions(options.endpoint),
      rates: { ...defaultFrameRates, ...options.rates },
      clock: options.clock,
      stats: options.stats ?? nullServerStats,
      idleTimeMs: session?.idleTimeMs ?? never,
      lifeTimeMs: session?.lifeTimeMs ?? never,
      readTimeoutMs: socketOptions?.readTimeoutMs ?? never,
      writeTimeoutMs: socketOptions?.writeTimeoutMs ?? never,
      guard: options.guard ?? noGuard,
      downgrade: options.downgrade,
      tunnels,
      passesInterim: options.passesInterim ?? true,
    };
    const { limits, idleTimeMs, lifeTimeMs, readTimeoutMs, writeTimeoutMs } = this.settings;
    const { headerTimeoutMs, bodyTimeoutMs, responseTimeoutMs, lingerMs } = limits;
    this.checkMs = checkInterval(
      idleTimeMs,
      lifeTimeMs,
      readTimeoutMs,
      writeTimeoutMs,
      headerTimeoutMs,
      bodyTimeoutMs,
      responseTimeoutMs,
      lingerMs,
    );
    this.#unwatchTunnels = tunnels?.stats.watchOpen();
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
