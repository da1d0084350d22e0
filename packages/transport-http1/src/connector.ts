import { connect, type NetConnectOpts, type Socket } from "node:net";
import { type Clock, ClosedError, type Ctx, type ServiceFactory, type Status, type Timer } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import { nullStats, type StatsReceiver } from "@weftmesh/telemetry";
import { HandshakeError, type TlsDialer } from "@weftmesh/tls";
import { SocketWire, TlsWire, type WireReader, writeHighWaterBytes } from "@weftmesh/wire";
import { ClientConnection, type ClientConnectionOptions } from "./client-connection.ts";
import { connectError, connectTimeout, handshakeFailed, showPeer } from "./client-errors.ts";
import { ClientStats } from "./client-stats.ts";
import type { ResponseLimits } from "./response-head.ts";

export interface ClientSocketOptions {
  /** True if not given. */
  readonly noDelay?: boolean;
  /** Probes of the operating system on idle connections; its own default if not given. */
  readonly keepAlive?: boolean;
  /** A server that is waited for and sends nothing for so long is cut off; never if not given. */
  readonly readTimeoutMs?: number;
  /** A server that takes nothing for so long is cut off; never if not given. */
  readonly writeTimeoutMs?: number;
}

export interface Http1ConnectorOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  /** 1,000 ms if not given. */
  readonly connectTimeoutMs?: number;
  /** How long a request with `Expect: 100-continue` holds its body back: 1,000 ms if not given. */
  readonly continueTimeoutMs?: number;
  readonly socketOptions?: ClientSocketOptions;
  /** Those that are not given: 4,096 bytes of status line, 8,192 bytes and 1,000 lines of headers. */
  readonly limits?: Partial<ResponseLimits>;
  /** The client's scope: connectors that share it add up in its metrics. */
  readonly stats?: StatsReceiver;
  /** Talks TLS; plain TCP if not given. */
  readonly tls?: TlsDialer;
  /** Reads through reused buffers; false reads through `data` events. True if not given. */
  readonly reuseBuffers?: boolean;
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
    const never = Number.POSITIVE_INFINITY;
    const { readTimeoutMs = never, writeTimeoutMs = never } = options.socketOptions ?? {};
    const isTimed = Number.isFinite(readTimeoutMs) || Number.isFinite(writeTimeoutMs);
    this.#connection = {
      ...(isTimed ? { timeouts: { readTimeoutMs, writeTimeoutMs } } : {}),
      clock: options.clock,
      stats: this.#stats,
      limits: { ...defaultLimits, ...options.limits },
      continueTimeoutMs: options.continueTimeoutMs ?? 1_000,
      peer: showPeer(options.host, options.port),
      ...(tls === undefined
        ? {}
        : { refused: (alert: Error) => handshakeFailed(options.host, options.port, tls.failed(alert)) }),
    };
  }

  open(ctx: Ctx): Promise<ClientConnection> {
    if (this.status === "closed") return Promise.reject(new ClosedError(`the connector to ${this.#connection.peer}`));
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    return new Promise((resolve, reject) => {
      new Connecting(this.#options, this.#connection, resolve, reject).start(ctx);
    });
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

/** One attempt to connect: reads the wire until there is a connection to do so. */
class Connecting implements WireReader {
  readonly #options: Http1ConnectorOptions;
  readonly #connection: ClientConnectionOptions;
  readonly #resolve: (connection: ClientConnection) => void;
  readonly #reject: (error: Error) => void;
  readonly #wire: SocketWire;
  readonly #startedMs: number;
  #socket: Socket | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #settled = false;
  /** TCP is connected, and TLS not yet. */
  #shaking = false;

  constructor(
    options: Http1ConnectorOptions,
    connection: ClientConnectionOptions,
    resolve: (connection: ClientConnection) => void,
    reject: (error: Error) => void,
  ) {
    this.#options = options;
    this.#connection = connection;
    this.#wire = options.tls === undefined ? new SocketWire(this) : new TlsWire(this);
    this.#resolve = resolve;
    this.#reject = reject;
    this.#startedMs = connection.clock.now();
  }

  start(ctx: Ctx): void {
    const { host, port, socketOptions, connectTimeoutMs = 1_000, reuseBuffers = true, tls } = this.#options;
    const to: NetConnectOpts & { highWaterMark: number } = {
      host,
      port,
      allowHalfOpen: true,
      highWaterMark: writeHighWaterBytes,
      noDelay: socketOptions?.noDelay ?? true,
      ...(socketOptions?.keepAlive === undefined ? {} : { keepAlive: socketOptions.keepAlive }),
      ...(reuseBuffers ? { onread: this.#wire.onread } : {}),
    };
    let socket: Socket;
    if (tls === undefined) {
      socket = connect(to);
      socket.once("connect", () => this.#connected());
    } else {
      try {
        socket = this.#dial(tls, to);
      } catch (error) {
        this.#handshakeFailed(tls, error as Error);
        return;
      }
    }
    this.#socket = socket;
    this.#wire.attach(socket, reuseBuffers);
    if (Number.isFinite(connectTimeoutMs)) {
      this.#timer = this.#connection.clock.after(connectTimeoutMs, () =>
        this.#fail(connectTimeout(host, port, connectTimeoutMs)),
      );
    }
    ctx.onCancel((reason) => {
      if (this.#settled) return;
      this.#connection.stats.cancelledConnects.inc();
      this.#fail(reason);
    });
  }

  onClosed(error: Error | undefined): void {
    const { tls } = this.#options;
    if (tls !== undefined && this.#shaking) this.#handshakeFailed(tls, error);
    else this.#fail(connectError(this.#options.host, this.#options.port, error));
  }

  /** A server has nothing to say before it is asked, and the connection does not read before it is made. */
  onBytes(): void {
    this.#fail(connectError(this.#options.host, this.#options.port, new Error("it sent bytes before any request")));
  }

  onEof(): void {
    this.onClosed(undefined);
  }

  onWritable(): void {}

  /** TCP has its limit, and the handshake behind it another. */
  #dial(tls: TlsDialer, to: NetConnectOpts): Socket {
    const { clock } = this.#connection;
    const socket = tls.connect(to);
    socket.once("connect", () => {
      if (this.#settled) return;
      this.#shaking = true;
      tls.stats.pending++;
      const startedMs = clock.now();
      this.#timer?.cancel();
      this.#timer = clock.after(tls.handshakeTimeoutMs, () => {
        const message = `it did not end the handshake within ${tls.handshakeTimeoutMs} ms`;
        this.#handshakeFailed(tls, new HandshakeError("timeout", message));
      });
      socket.once("secureConnect", () => {
        if (this.#settled) return;
        try {
          tls.check(socket);
        } catch (error) {
          this.#handshakeFailed(tls, error as Error);
          return;
        }
        this.#stopShaking(tls);
        (this.#wire as TlsWire).refuseTruncation();
        tls.succeeded(socket, clock.now() - startedMs);
        this.#connected();
      });
    });
    return socket;
  }

  #handshakeFailed(tls: TlsDialer, cause: Error | undefined): void {
    if (this.#settled) return;
    const { host, port } = this.#options;
    this.#fail(handshakeFailed(host, port, tls.failed(cause)));
  }

  #stopShaking(tls: TlsDialer): void {
    if (!this.#shaking) return;
    this.#shaking = false;
    tls.stats.pending--;
  }

  #connected(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#timer?.cancel();
    const { stats, clock } = this.#connection;
    stats.connects.inc();
    stats.connectLatencyMs.add(clock.now() - this.#startedMs);
    const connection = new ClientConnection(this.#wire, this.#connection);
    this.#wire.readBy(connection);
    this.#resolve(connection);
  }

  #fail(error: Error): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#timer?.cancel();
    if (this.#options.tls !== undefined) this.#stopShaking(this.#options.tls);
    this.#connection.stats.failedConnectLatencyMs.add(this.#connection.clock.now() - this.#startedMs);
    this.#socket?.destroy();
    this.#reject(error);
  }
}
