import type { Connection } from "@weftmesh/http";
import { type ConnectionOwner, type FrameWire, type Serving, servingCheckMs, servingSettings } from "@weftmesh/wire";
import { RequestHead } from "./request-head.ts";
import type { Http1ServerOptions } from "./server.ts";
import { ServerConnection } from "./server-connection.ts";
import { defaultServerLimits, type ServerSettings } from "./server-settings.ts";

/** What a server that speaks HTTP/1.1 has for its connections. */
export interface ServesHttp1 {
  readonly http1: {
    readonly settings: ServerSettings;
    /** One for all connections: what a scan leaves in it is used at once. */
    readonly head: RequestHead;
  };
}

/** HTTP/1.1 on the connections of a server. */
export class Http1Serving implements Serving<ServesHttp1>, ServesHttp1 {
  readonly protocols: readonly string[] = ["http/1.1"];
  readonly checkMs: number;
  readonly settings: ServerSettings;
  readonly head: RequestHead;
  readonly #unwatchTunnels: (() => void) | undefined;

  constructor(options: Http1ServerOptions) {
    this.settings = {
      ...servingSettings(options),
      respond: options.respond,
      limits: { ...defaultServerLimits, ...options.limits },
      switchTo: options.switchTo,
    };
    const { tunnels } = options;
    this.head = new RequestHead(this.settings.limits, tunnels);
    this.checkMs = servingCheckMs(this.settings);
    this.#unwatchTunnels = tunnels?.stats.watchOpen();
  }

  get http1(): this {
    return this;
  }

  begin(owner: ConnectionOwner<ServesHttp1>, wire: FrameWire, connection: Connection): ServerConnection {
    const served = new ServerConnection(owner, wire, connection);
    wire.readBy(served);
    return served;
  }

  ended(): void {
    this.#unwatchTunnels?.();
  }
}
