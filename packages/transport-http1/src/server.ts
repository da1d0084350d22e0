import { type AddressInfo, createServer, type Server, type ServerOpts, type Socket } from "node:net";
import { type Clock, type Service, type Timer, WeftError } from "@weftmesh/core";
import type { Connection, HttpRequest, HttpResponse, SocketAddress } from "@weftmesh/http";
import { acceptMode } from "./accept-mode.ts";
import { type AcceptMode, acceptWire } from "./accept-wire.ts";
import { RequestHead } from "./request-head.ts";
import { type ConnectionOwner, ServerConnection } from "./server-connection.ts";
import { defaultServerLimits, type ServerLimits, type ServerSettings } from "./server-settings.ts";
import { nullServerStats, type ServerConnectionStats } from "./server-stats.ts";
import { writeHighWaterBytes } from "./socket-wire.ts";
import type { WireReader } from "./wire.ts";

export interface Http1ServerOptions {
  readonly service: Service<HttpRequest, HttpResponse>;
  /** The answer to a call that failed; a bare 502 and the end of the connection when not given. */
  readonly respond?: ServerSettings["respond"];
  /** An address to listen on; 127.0.0.1 if not given. */
  readonly host?: string;
  /** 0 takes any that is free. */
  readonly port: number;
  readonly clock: Clock;
  /** What is not given is as in `defaultServerLimits`. */
  readonly limits?: Partial<ServerLimits>;
  readonly session?: {
    /** A connection without a request for so long is closed; never if not given. */
    readonly idleTimeMs?: number;
    /** A connection older than this is closed after its response; never if not given. */
    readonly lifeTimeMs?: number;
  };
  readonly socketOptions?: {
    /** True if not given. */
    readonly noDelay?: boolean;
    /** TCP keep-alive probes; false if not given. */
    readonly keepAlive?: boolean;
    /** Sockets of several processes share the port. */
    readonly reusePort?: boolean;
    /** Connections that wait to be accepted; 511 if not given. */
    readonly backlog?: number;
    /** A client that is waited for and sends nothing for so long is cut off; never if not given. */
    readonly readTimeoutMs?: number;
    /** A client that takes nothing for so long is cut off; never if not given. */
    readonly writeTimeoutMs?: number;
  };
  /** What may wait to be written to a connection before its writer is told to stop; 65,536 if not given. */
  readonly connectionBufferBytes?: number;
  readonly stats?: ServerConnectionStats;
  /** How connections are read; what works best here if not given. */
  readonly acceptMode?: AcceptMode;
}

/** A server that listens. */
export interface Http1Server {
  readonly address: SocketAddress;
  /** Open connections. */
  readonly connections: number;
  /**
   * Accepts no more, closes connections that have no response under way, lets the others finish theirs, and destroys
   * what is left after `graceMs`. Resolves when all are gone. A second call may only shorten the grace.
   */
  close(graceMs?: number): Promise<void>;
}

/** Checks are this often at most and at least. */
const maxCheckMs = 1_000;
const minCheckMs = 4;

class ListeningServer implements Http1Server, ConnectionOwner {
  readonly settings: ServerSettings;
  readonly head: RequestHead;
  draining = false;
  address: SocketAddress = { host: "", port: 0 };

  private readonly server: Server;
  private readonly mode: AcceptMode;
  private readonly highWaterBytes: number;
  private readonly open: Set<ServerConnection> = new Set();
  private readonly checkMs: number;
  private readonly onCheck: () => void = () => this.check();
  private readonly unwatch: () => void;
  private timer: Timer | undefined = undefined;
  private graceTimer: Timer | undefined = undefined;
  private closing: Promise<void> | undefined = undefined;
  private onGone: () => void = () => {};

  constructor(options: Http1ServerOptions, mode: AcceptMode) {
    const { session, socketOptions } = options;
    this.settings = {
      service: options.service,
      respond: options.respond,
      limits: { ...defaultServerLimits, ...options.limits },
      clock: options.clock,
      stats: options.stats ?? nullServerStats,
      idleTimeMs: session?.idleTimeMs ?? Number.POSITIVE_INFINITY,
      lifeTimeMs: session?.lifeTimeMs ?? Number.POSITIVE_INFINITY,
      readTimeoutMs: socketOptions?.readTimeoutMs ?? Number.POSITIVE_INFINITY,
      writeTimeoutMs: socketOptions?.writeTimeoutMs ?? Number.POSITIVE_INFINITY,
    };
    this.head = new RequestHead(this.settings.limits);
    this.mode = mode;
    this.highWaterBytes = options.connectionBufferBytes ?? writeHighWaterBytes;
    this.checkMs = checkInterval(this.settings);
    const sockets: ServerOpts = {
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: socketOptions?.noDelay ?? true,
      keepAlive: socketOptions?.keepAlive ?? false,
      highWaterMark: this.highWaterBytes,
    };
    this.server = createServer(sockets, (socket) => this.accept(socket));
    this.unwatch = this.settings.stats.watchConnections(() => this.open.size);
  }

  listen(options: Http1ServerOptions): Promise<this> {
    const host = options.host ?? "127.0.0.1";
    const { port, socketOptions } = options;
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => {
        this.unwatch();
        reject(listenError(host, port, error));
      };
      this.server.once("error", failed);
      const { backlog, reusePort } = socketOptions ?? {};
      const listening = {
        host,
        port,
        ...(backlog === undefined ? {} : { backlog }),
        ...(reusePort === true ? { reusePort } : {}),
      };
      this.server.listen(listening, () => {
        this.server.off("error", failed);
        // Accepting fails where there are no file descriptors left; it goes on when there are.
        this.server.on("error", () => this.settings.stats.acceptErrors.inc());
        const bound = this.server.address() as AddressInfo;
        this.address = { host: bound.address, port: bound.port };
        resolve(this);
      });
    });
  }

  get connections(): number {
    return this.open.size;
  }

  closed(connection: ServerConnection): void {
    this.open.delete(connection);
    if (this.open.size > 0) return;
    this.timer?.cancel();
    this.timer = undefined;
    this.onGone();
  }

  close(graceMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.closing === undefined) {
      this.closing = this.gone();
      this.draining = true;
      this.server.close();
      for (const connection of [...this.open]) connection.drainNow();
    }
    if (Number.isFinite(graceMs) && this.open.size > 0) {
      this.graceTimer?.cancel();
      this.graceTimer = this.settings.clock.after(graceMs, () => {
        for (const connection of [...this.open]) connection.destroy();
      });
    }
    return this.closing;
  }

  private async gone(): Promise<void> {
    if (this.open.size > 0) {
      await new Promise<void>((resolve) => {
        this.onGone = resolve;
      });
    }
    this.graceTimer?.cancel();
    this.unwatch();
  }

  private accept(accepted: Socket): void {
    if (this.draining) {
      accepted.destroy();
      return;
    }
    const { wire, socket } = acceptWire(accepted, this.mode, notYet, this.highWaterBytes);
    const connection = new ServerConnection(this, wire, {
      remote: { host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 },
      local: { host: socket.localAddress ?? "", port: socket.localPort ?? 0 },
      secure: false,
    } satisfies Connection);
    wire.readBy(connection);
    this.open.add(connection);
    if (this.mode === "data") socket.resume();
    this.timer ??= this.settings.clock.after(this.checkMs, this.onCheck);
  }

  private check(): void {
    const nowMs = this.settings.clock.now();
    for (const connection of this.open) connection.check(nowMs);
    this.timer = this.open.size > 0 ? this.settings.clock.after(this.checkMs, this.onCheck) : undefined;
  }
}

const notYet: WireReader = { onBytes: () => {}, onEof: () => {}, onWritable: () => {}, onClosed: () => {} };

/** Often enough that every limit is kept within a fourth of it, as far as that makes sense. */
function checkInterval(settings: ServerSettings): number {
  const { limits } = settings;
  const least = Math.min(
    settings.idleTimeMs,
    settings.lifeTimeMs,
    settings.readTimeoutMs,
    settings.writeTimeoutMs,
    limits.headerTimeoutMs,
    limits.bodyTimeoutMs,
    limits.lingerMs,
  );
  return Math.max(minCheckMs, Math.min(maxCheckMs, least / 8));
}

function listenError(host: string, port: number, cause: NodeJS.ErrnoException): WeftError {
  const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const why = cause.code === "EADDRINUSE" ? "the port is in use" : cause.message;
  return new WeftError("WEFT_LISTEN", `cannot listen on ${where}: ${why}`, { cause });
}

/**
 * Listens for HTTP/1.1 and has the service answer.
 *
 * Shape: the service is called once per request with a ctx of its own, which carries `ConnectionKey`; the ctx is
 * cancelled when the client leaves. A call that rejects is answered with 502 and the connection closed: whoever wants
 * better answers makes them in the service.
 * Errors: rejects with `WEFT_LISTEN`, which names the address.
 * @example
 * const server = await listenHttp1({ service: service(() => Promise.resolve(new HttpResponse(204))), port: 0, clock: systemClock });
 */
export async function listenHttp1(options: Http1ServerOptions): Promise<Http1Server> {
  const mode = options.acceptMode ?? (await acceptMode());
  return new ListeningServer(options, mode).listen(options);
}
