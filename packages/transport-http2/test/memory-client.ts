import type { Clock } from "@weftmesh/core";
import { nullStats } from "@weftmesh/telemetry";
import { ClientStats } from "@weftmesh/wire";
import { ClientSession, type ClientSessionOptions } from "../src/client-session.ts";
import { type EndpointOptions, endpointOptions } from "../src/endpoint-options.ts";
import { defaultFrameRates } from "../src/rate-limits.ts";
import { Peer, type SettingPairs, settings, settingsAck } from "./frames.ts";
import { MemoryWire } from "./memory-wire.ts";

/** One connection of a client over a wire in memory, and its server. */
export class MemoryClient {
  readonly wire: MemoryWire = new MemoryWire();
  readonly peer: Peer = new Peer();
  readonly session: ClientSession;

  constructor(
    clock: Clock,
    options: Partial<ClientSessionOptions> = {},
    endpoint: Partial<EndpointOptions> | undefined = undefined,
  ) {
    this.wire.onFlush = (bytes) => this.peer.hear(bytes, true);
    this.session = new ClientSession(this.wire, {
      clock,
      stats: ClientStats.of(nullStats),
      endpoint: endpointOptions(endpoint),
      rates: defaultFrameRates,
      continueTimeoutMs: 1_000,
      peer: "backend:80",
      ...options,
    });
    this.wire.readBy(this.session);
  }

  /** The server begins the connection. */
  begin(...first: SettingPairs): this {
    return this.send(settings(...first), settingsAck);
  }

  /** The server sends, and the client's turn ends. */
  send(...frames: readonly Buffer[]): this {
    this.wire.feed(Buffer.concat(frames));
    this.wire.flush();
    return this;
  }
}
