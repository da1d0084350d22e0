import { ClosedError, type Ctx, type ServiceFactory, type Status } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import { nullStats, type StatsReceiver } from "@weftmesh/telemetry";
import { ClientStats, type ConnectorOptions, clientSettings, connectWire, handshakeFailed } from "@weftmesh/wire";
import { ClientConnection, type ClientConnectionOptions } from "./client-connection.ts";
import type { ResponseLimits } from "./response-head.ts";

export interface Http1ConnectorOptions extends ConnectorOptions {
  /** Those that are not given: 4,096 bytes of status line, 8,192 bytes and 1,000 lines of headers. */
  readonly limits?: Partial<ResponseLimits>;
  /** The client's scope: connectors that share it add up in its metrics. */
  readonly stats?: StatsReceiver;
}

const defaultLimits: ResponseLimits = { maxInitialLineBytes: 4_096, maxHeaderBytes: 8_192, maxHeaderLines: 1_000 };

/**
 * Opens connections to one server, each a session that takes one call at a time.
 *
 * Shape: one per endpoint, below its pool.
 * Units: ms; bytes.
 * Errors: `WEFT_CONNECT_REFUSED`, `WEFT_CONNECT_TIMEOUT`, `WEFT_CONNECT_FAILED`, `WEFT_CONNECT_TLS`, all retryable and
 * with `host` and `port`; the reason when the ctx is cancelled meanwhile; `WEFT_CLOSED` after `close`.
 */
export class Http1Connector implements ServiceFactory<HttpRequest, HttpResponse> {
  status: Status = "open";
  readonly #options: Http1ConnectorOptions;
  readonly #connection: ClientConnectionOptions;
  readonly #stats: ClientStats;

  constructor(options: Http1ConnectorOptions) {
    this.#options = options;
    this.#stats = ClientStats.of(options.stats ?? nullStats);
    this.#stats.addConnector();
    const { tls } = options;
    this.#connection = {
      ...clientSettings(options, this.#stats),
      limits: { ...defaultLimits, ...options.limits },
      ...(tls === undefined
        ? {}
        : { refused: (alert: Error) => handshakeFailed(options.host, options.port, tls.failed(alert)) }),
    };
  }

  open(ctx: Ctx): Promise<ClientConnection> {
    if (this.status === "closed") return Promise.reject(new ClosedError(`the connector to ${this.#connection.peer}`));
    return connectWire(this.#options, this.#stats, ctx, (wire) => new ClientConnection(wire, this.#connection));
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
