import { CancelledError, type Ctx } from "@weftmesh/core";
import type { TunnelResponse } from "@weftmesh/http";
import { Tunnel, type TunnelSettings, type Wire } from "@weftmesh/wire";
import type { ServerSettings } from "./server-settings.ts";
import { WireTunnelEnd } from "./wire-tunnel-end.ts";

/** The connection of a client, which a tunnel has taken over. */
export interface TunnelledConnection {
  /** The call is over. */
  tunnelOver(error: Error | undefined): void;
  onClosed(error: Error | undefined): void;
}

/** A tunnel from the client of a server: from the head of the response on until it is over. */
export class ServerTunnel {
  private readonly ctx: Ctx;
  private readonly connection: TunnelledConnection;
  private readonly end: WireTunnelEnd;
  private readonly tunnel: Tunnel;

  /** `peerEnded` says that the client has ended its half already. */
  constructor(settings: ServerSettings, ctx: Ctx, wire: Wire, connection: TunnelledConnection, peerEnded: boolean) {
    this.ctx = ctx;
    this.connection = connection;
    this.end = new WireTunnelEnd(this, wire, settings.stats, peerEnded);
    this.tunnel = new Tunnel(settings.tunnels as TunnelSettings, settings.clock, (reason) => this.giveUp(reason));
  }

  /** What the client sent behind its request. */
  unread(bytes: Buffer): void {
    this.end.unread(bytes);
  }

  open(rep: TunnelResponse): void {
    this.tunnel.join(this.end, rep.tunnel);
    // What says that the call is over is the response, as with any other; the modules above have watched it.
    rep.body.pipe({
      onData: () => 0,
      onEnd: () => this.finish(undefined),
      onError: (error) => this.finish(error),
    });
  }

  /** Of this end alone: the other one, which hears of it, says when all is over. */
  tunnelOver(): void {}

  tunnelLost(cause: Error | undefined): Error {
    return new CancelledError("the client left its tunnel", { cause });
  }

  onClosed(error: Error | undefined): void {
    this.tunnel.closed();
    this.connection.onClosed(error);
  }

  private giveUp(reason: Error): void {
    this.ctx.cancel(reason);
    // For a far end that does not listen.
    this.end.break(reason);
  }

  private finish(error: Error | undefined): void {
    this.tunnel.closed();
    this.connection.tunnelOver(error);
  }
}
