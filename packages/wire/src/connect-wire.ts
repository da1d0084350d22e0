import { connect, type NetConnectOpts, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Clock, Ctx, Timer } from "@weftmesh/core";
import { HandshakeError, type TlsDialer } from "@weftmesh/tls";
import { connectError, connectTimeout, handshakeFailed } from "./client-errors.ts";
import type { ClientStats } from "./client-stats.ts";
import { SocketWire, writeHighWaterBytes } from "./socket-wire.ts";
import { TlsWire } from "./tls-wire.ts";
import type { WireReader } from "./wire.ts";

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

/** Where a client connects to, and how: what the connectors of all protocols are given. */
export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  /** 1,000 ms if not given. */
  readonly connectTimeoutMs?: number;
  readonly socketOptions?: ClientSocketOptions;
  /** Talks TLS; plain TCP if not given. */
  readonly tls?: TlsDialer;
  /** Reads through reused buffers; false reads through `data` events. True if not given. */
  readonly reuseBuffers?: boolean;
}

/** Reads the wire from the moment that there is one. `alpn` is what the server chose within TLS. */
export type BeginSession<S extends WireReader> = (wire: SocketWire, alpn: string | undefined) => S;

/**
 * Makes one connection, and what reads it.
 *
 * Errors: `WEFT_CONNECT_REFUSED`, `WEFT_CONNECT_TIMEOUT`, `WEFT_CONNECT_FAILED`, `WEFT_CONNECT_TLS`, all retryable and
 * with `host` and `port`; the reason when the ctx is cancelled meanwhile; what `begin` throws.
 */
export function connectWire<S extends WireReader>(
  options: ConnectOptions,
  stats: ClientStats,
  ctx: Ctx,
  begin: BeginSession<S>,
): Promise<S> {
  if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
  return new Promise((resolve, reject) => {
    new Connecting(options, stats, begin, resolve, reject).start(ctx);
  });
}

/** One attempt to connect: reads the wire until there is a connection to do so. */
class Connecting<S extends WireReader> implements WireReader {
  readonly #options: ConnectOptions;
  readonly #stats: ClientStats;
  readonly #begin: BeginSession<S>;
  readonly #resolve: (session: S) => void;
  readonly #reject: (error: Error) => void;
  readonly #wire: SocketWire;
  readonly #startedMs: number;
  #socket: Socket | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #settled = false;
  /** TCP is connected, and TLS not yet. */
  #shaking = false;

  constructor(
    options: ConnectOptions,
    stats: ClientStats,
    begin: BeginSession<S>,
    resolve: (session: S) => void,
    reject: (error: Error) => void,
  ) {
    this.#options = options;
    this.#stats = stats;
    this.#begin = begin;
    this.#wire = options.tls === undefined ? new SocketWire(this) : new TlsWire(this);
    this.#resolve = resolve;
    this.#reject = reject;
    this.#startedMs = options.clock.now();
  }

  start(ctx: Ctx): void {
    const { host, port, clock, socketOptions, connectTimeoutMs = 1_000, reuseBuffers = true, tls } = this.#options;
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
      socket.once("connect", () => this.#connected(undefined));
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
      this.#timer = clock.after(connectTimeoutMs, () => this.#fail(connectTimeout(host, port, connectTimeoutMs)));
    }
    ctx.onCancel((reason) => {
      if (this.#settled) return;
      this.#stats.cancelledConnects.inc();
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
    const { clock } = this.#options;
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
      socket.once("secureConnect", () => this.#secured(tls, socket, clock.now() - startedMs));
    });
    return socket;
  }

  #secured(tls: TlsDialer, socket: TLSSocket, tookMs: number): void {
    if (this.#settled) return;
    try {
      tls.check(socket);
    } catch (error) {
      this.#handshakeFailed(tls, error as Error);
      return;
    }
    this.#stopShaking(tls);
    (this.#wire as TlsWire).refuseTruncation();
    tls.succeeded(socket, tookMs);
    this.#connected(socket.alpnProtocol || undefined);
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

  #connected(alpn: string | undefined): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#timer?.cancel();
    this.#stats.connects.inc();
    this.#stats.connectLatencyMs.add(this.#options.clock.now() - this.#startedMs);
    const session = this.#begin(this.#wire, alpn);
    this.#wire.readBy(session);
    this.#resolve(session);
  }

  #fail(error: Error): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#timer?.cancel();
    if (this.#options.tls !== undefined) this.#stopShaking(this.#options.tls);
    this.#stats.failedConnectLatencyMs.add(this.#options.clock.now() - this.#startedMs);
    this.#socket?.destroy();
    this.#reject(error);
  }
}
