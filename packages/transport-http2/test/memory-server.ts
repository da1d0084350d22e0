import type { Clock, Service } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import type { ConnectionOwner } from "@weftmesh/wire";
import { preface } from "../src/frame-types.ts";
import { Http2Serving, type ServesHttp2 } from "../src/http2-serving.ts";
import type { Http2ServerOptions } from "../src/server.ts";
import type { ServerSession } from "../src/server-session.ts";
import { Peer, type SettingPairs, settings, settingsAck } from "./frames.ts";
import { MemoryWire } from "./memory-wire.ts";

/** One connection of a server over a wire in memory, and its client. */
export class MemoryServer {
  readonly wire: MemoryWire;
  readonly peer: Peer = new Peer();
  readonly session: ServerSession;
  closed = false;
  draining = false;

  constructor(
    service: Service<HttpRequest, HttpResponse>,
    clock: Clock,
    options: Partial<Http2ServerOptions> = {},
    highWaterBytes?: number,
  ) {
    const serving = new Http2Serving({ port: 0, service, clock, ...options });
    const isDraining = (): boolean => this.draining;
    const owner: ConnectionOwner<ServesHttp2> = {
      serving,
      get draining() {
        return isDraining();
      },
      get closesIdle() {
        return isDraining();
      },
      handsOver: false,
      handOver: () => owner,
      replace: () => {},
      closed: () => {
        this.closed = true;
      },
    };
    this.wire = new MemoryWire(highWaterBytes);
    this.wire.onFlush = (bytes) => this.peer.hear(bytes);
    this.session = serving.begin(owner, this.wire, {
      remote: { host: "192.0.2.1", port: 40_000 },
      local: { host: "192.0.2.2", port: 80 },
      secure: false,
    });
  }

  /** The client begins the connection. */
  begin(...first: SettingPairs): this {
    this.send(preface, settings(...first));
    this.send(settingsAck);
    return this;
  }

  /** The client sends, and the server's turn ends. */
  send(...frames: readonly Buffer[]): this {
    this.wire.feed(Buffer.concat(frames));
    this.wire.flush();
    return this;
  }
}
