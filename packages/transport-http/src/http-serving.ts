import { type Clock, service } from "@weftmesh/core";
import { type Connection, Headers, HttpResponse } from "@weftmesh/http";
import { Http1Serving, type ServesHttp1 } from "@weftmesh/transport-http1";
import { Http2Serving, type ServesHttp2 } from "@weftmesh/transport-http2";
import {
  type ConnectionOwner,
  type FrameWire,
  nullServerStats,
  type ServedConnection,
  type ServerConnectionStats,
  type Serving,
} from "@weftmesh/wire";
import { h2cUpgrade } from "./h2c-upgrade.ts";
import { PrefaceReader } from "./preface-reader.ts";
import type { HttpServerOptions } from "./server.ts";

/** Both versions on the connections of a server. */
export class HttpServing implements Serving<HttpServing>, ServesHttp1, ServesHttp2 {
  readonly protocols: readonly string[] = ["http/1.1", "h2"];
  readonly checkMs: number;
  readonly http1: Http1Serving;
  /** HTTP/1.1 is served, and not there for its upgrades alone. */
  readonly takesHttp1: boolean;
  readonly http2: Http2Serving;
  readonly clock: Clock;
  readonly stats: ServerConnectionStats;

  constructor({ http1, http2, upgrade = false, ...wire }: HttpServerOptions) {
    this.clock = wire.clock;
    this.stats = wire.stats ?? nullServerStats;
    const only2 = { service: wantsHttp2, ...(http2.session === undefined ? {} : { session: http2.session }) };
    this.takesHttp1 = http1 !== undefined;
    this.http1 = new Http1Serving({ ...wire, ...(http1 ?? only2), ...(upgrade ? { switchTo: h2cUpgrade } : {}) });
    this.http2 = new Http2Serving({ ...wire, ...http2 });
    this.checkMs = Math.min(this.http1.checkMs, this.http2.checkMs);
  }

  begin(
    owner: ConnectionOwner<HttpServing>,
    wire: FrameWire,
    connection: Connection,
    alpn: string | undefined,
  ): ServedConnection {
    if (alpn === "h2") return this.http2.begin(owner, wire, connection);
    if (alpn !== undefined) return this.http1.begin(owner, wire, connection);
    const reader = new PrefaceReader(owner, wire, connection);
    wire.readBy(reader);
    return reader;
  }

  ended(): void {
    this.http1.ended();
    this.http2.ended();
  }
}

/** Where HTTP/1.1 is there for the upgrade alone (RFC 9110 section 15.5.22). */
const wantsHttp2 = service(() =>
  Promise.resolve(new HttpResponse(426, Headers.of("Connection", "close", "Upgrade", "h2c", "Content-Length", "0"))),
);
