import { ClosedError, type Ctx, type ServiceFactory, type Status } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import { nullStats, type StatsReceiver } from "@weftmesh/telemetry";
import { isLateRefusal } from "@weftmesh/tls";
import {
  ClientStats,
  type ConnectorOptions,
  clientSettings,
  connectError,
  connectWire,
  handshakeFailed,
} from "@weftmesh/wire";
import { ClientSession, type ClientSessionOptions, type UpgradePeer } from "./client-session.ts";
import { type EndpointOptions, endpointOptions } from "./endpoint-options.ts";
import type { KeepAliveOptions } from "./keep-alive.ts";
import { defaultFrameRates } from "./rate-limits.ts";

export interface Http2ConnectorOptions extends ConnectorOptions {
  /** When a server that is silent with calls under way is asked whether it is still there; never if not given. */
  readonly keepAlive?: KeepAliveOptions;
  /**
   * The server is a proxy like ours, or one of Linkerd 2: requests of HTTP/1 go there marked with `l5d-orig-proto`, and
   * are such again behind it, as their responses are here. What it takes is written there.
   */
  readonly upgrade?: UpgradePeer;
  /** What is not given is as in `defaultEndpointOptions`. */
  readonly endpoint?: Partial<EndpointOptions>;
  /** The client's scope: connectors that share it add up in its metrics. */
  readonly stats?: StatsReceiver;
}

/**
 * Opens connections to one server, each a session that takes many calls at once: with prior knowledge, or with TLS that
 * agrees on HTTP/2.
 *
 * Shape: one per endpoint, below its pool. A session is there once the server has sent its settings, which is the first
 * that it has to say: so one that speaks something else is found out before a request is lost on it.
 * Units: ms; bytes.
 * Errors: `WEFT_CONNECT_REFUSED`, `WEFT_CONNECT_TIMEOUT`, `WEFT_CONNECT_FAILED`, `WEFT_CONNECT_TLS`, all retryable and
 * with `host` and `port`; the reason when the ctx is cancelled meanwhile; `WEFT_CLOSED` after `close`.
 */
export class Http2Connector implements ServiceFactory<HttpRequest, HttpResponse> {
  status: Status = "open";
  readonly #options: Http2ConnectorOptions;
  readonly #session: ClientSessionOptions;
  readonly #stats: ClientStats;

  constructor(options: Http2ConnectorOptions) {
    this.#options = options;
    this.#stats = ClientStats.of(options.stats ?? nullStats);
    this.#stats.addConnector();
    const { keepAlive, upgrade } = options;
    this.#session = {
      ...clientSettings(options, this.#stats),
      ...(keepAlive === undefined ? {} : { keepAlive }),
      ...(upgrade === undefined ? {} : { upgrade }),
      endpoint: endpointOptions(options.endpoint),
      rates: defaultFrameRates,
    };
  }

  async open(ctx: Ctx): Promise<ClientSession> {
    if (this.status === "closed") throw new ClosedError(`the connector to ${this.#session.peer}`);
    const { host, port, connectTimeoutMs = 1_000 } = this.#options;
    const session = await connectWire(
      this.#options,
      this.#stats,
      ctx,
      (wire) => new ClientSession(wire, this.#session),
    );
    try {
      return await session.ready(ctx, connectTimeoutMs);
    } catch (error) {
      if (ctx.cancelled !== undefined) throw error;
      // With TLS 1.3 a server may refuse us when the handshake is over for us.
      const { tls } = this.#options;
      if (tls !== undefined && isLateRefusal(error as Error))
        throw handshakeFailed(host, port, tls.failed(error as Error));
      throw connectError(host, port, error as Error);
    }
  }

  close(): Promise<void> {
    if (this.status !== "closed") {
      this.#stats.deleteConnector();
      this.#options.tls?.close();
    }
    this.status = "closed";
    return Promise.resolve();
  }
}
