import type { Socket } from "node:net";
import type { Clock, Service, Timer } from "@weftmesh/core";
import type { Connection, HttpRequest, HttpResponse, PeerIdentity, SocketAddress } from "@weftmesh/http";
import { type Acceptor, type Listener, Listeners } from "@weftmesh/listeners";
import { readsIntoBuffers } from "@weftmesh/tls";
import {
  type AcceptMode,
  acceptMode,
  acceptTls,
  acceptWire,
  openSockets,
  type ServerTls,
  type SocketWire,
  type WireReader,
  writeHighWaterBytes,
} from "@weftmesh/wire";
import { RequestHead } from "./request-head.ts";
import { type ConnectionOwner, ServerConnection } from "./server-connection.ts";
import {
  defaultServerLimits,
  noGuard,
  type ServerGuard,
  type ServerLimits,
  type ServerSettings,
} from "./server-settings.ts";
import { nullServerStats, type ServerConnectionStats } from "./server-stats.ts";
import type { TunnelSettings } from "./tunnel.ts";

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
  /** Connections at a time; one more is closed at once. No limit if not given. */
  readonly maxConnections?: number;
  /** Everything is taken if not given. */
  readonly guard?: ServerGuard;
  /** What clients may make tunnels of; nothing if not given. */
  readonly tunnels?: TunnelSettings;
  /**
   * The listening sockets of the process. A server that asks them for an address which another one has takes it over,
   * and with it the open connections, each after the response that is under way; sockets of its own if not given.
   */
  readonly listeners?: Listeners;
  /** Every connection is of TLS; none is if not given. The server looks after it, and closes it. */
  readonly tls?: ServerTls;
  /** How connections are read; what works best here if not given. */
  readonly acceptMode?: AcceptMode;
}

/** A server that listens. */
export interface Http1Server {
  readonly address: SocketAddress;
  /** Open connections. */
  readonly connections: number;
  /**
   * Accepts no more, lets responses under way finish, and destroys what is left after `graceMs`. A connection that has
   * no response under way is closed after `idleMs`, 0 if not given: until then a request may come, as one may be on
   * its way that its client will not send again, and is answered with `Connection: close`. Connections that another
   * server took over stay open. Resolves when all are gone. A second call may only shorten the grace.
   */
  close(graceMs?: number, idleMs?: number): Promise<void>;
}

/** Checks are this often at most and at least. */
const maxCheckMs = 1_000;
const minCheckMs = 4;

class ListeningServer implements Http1Server, ConnectionOwner, Acceptor {
  readonly settings: ServerSettings;
  readonly head: RequestHead;
  draining = false;
  closesIdle = false;
  private successor: ListeningServer | undefined = undefined;
  address: SocketAddress = { host: "", port: 0 };

  private listener: Listener | undefined = undefined;
  private readonly noDelay: boolean;
  private readonly keepAlive: boolean;
  private readonly mode: AcceptMode;
  private readonly tls: ServerTls | undefined;
  private readonly highWaterBytes: number;
  private readonly open: Set<ServerConnection> = new Set();
  private readonly maxConnections: number;
  /** Connections whose handshake is not over. */
  private handshakes = 0;
  private readonly checkMs: number;
  private readonly onCheck: () => void = () => this.check();
  private readonly unwatch: () => void;
  private timer: Timer | undefined = undefined;
  private graceTimer: Timer | undefined = undefined;
  private idleTimer: Timer | undefined = undefined;
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
      guard: options.guard ?? noGuard,
      tunnels: options.tunnels,
    };
    this.maxConnections = options.maxConnections ?? Number.POSITIVE_INFINITY;
    this.head = new RequestHead(this.settings.limits, options.tunnels);
    this.mode = mode;
    this.tls = options.tls;
    this.highWaterBytes = options.connectionBufferBytes ?? writeHighWaterBytes;
    this.checkMs = checkInterval(this.settings);
    this.noDelay = socketOptions?.noDelay ?? true;
    this.keepAlive = socketOptions?.keepAlive ?? false;
    const unwatchConnections = this.settings.stats.watchConnections(() => this.open.size);
    const unwatchTunnels = options.tunnels?.stats.watchOpen();
    this.unwatch = () => {
      unwatchConnections();
      unwatchTunnels?.();
    };
  }

  async listen(options: Http1ServerOptions): Promise<this> {
    const { port, host = "127.0.0.1", listeners = new Listeners() } = options;
    const { backlog, reusePort } = options.socketOptions ?? {};
    const address = {
      host,
      port,
      ...(backlog === undefined ? {} : { backlog }),
      ...(reusePort === undefined ? {} : { reusePort }),
    };
    const { listener, before } = await listeners.take(address, this).catch((thrown: unknown) => {
      this.unwatch();
      this.tls?.close();
      throw thrown;
    });
    this.listener = listener;
    this.address = { host: listener.host, port: listener.port };
    this.tls?.start();
    // Whoever was let in by other rules has to come anew.
    if (before instanceof ListeningServer && before.tls?.admits === this.tls?.admits) before.giveTo(this);
    return this;
  }

  /** The connections go over to another server: now, or behind the response that is under way. */
  private giveTo(successor: ListeningServer): void {
    this.successor = successor;
    for (const connection of [...this.open]) connection.moveIfIdle();
  }

  get handsOver(): boolean {
    return this.successor !== undefined;
  }

  handOver(connection: ServerConnection): ConnectionOwner {
    // The server that follows may have been followed itself by then.
    let heir = this.successor as ListeningServer;
    while (heir.successor !== undefined) heir = heir.successor;
    this.forget(connection);
    heir.adopt(connection);
    return heir;
  }

  private adopt(connection: ServerConnection): void {
    this.open.add(connection);
    this.settings.guard.opened();
    this.timer ??= this.settings.clock.after(this.checkMs, this.onCheck);
  }

  get connections(): number {
    return this.open.size;
  }

  closed(connection: ServerConnection): void {
    this.forget(connection);
  }

  private forget(connection: ServerConnection): void {
    this.open.delete(connection);
    this.settings.guard.closed();
    if (this.open.size > 0) return;
    this.timer?.cancel();
    this.timer = undefined;
    this.onGone();
  }

  close(graceMs = Number.POSITIVE_INFINITY, idleMs = 0): Promise<void> {
    if (this.closing === undefined) {
      this.closing = this.gone();
      this.listener?.release(this);
      // Handshakes that are under way come to their end.
      this.tls?.retire();
      this.draining = this.successor === undefined;
      if (!this.draining) {
        // Its connections go over by themselves.
      } else if (idleMs > 0 && this.open.size > 0) {
        this.idleTimer = this.settings.clock.after(Math.min(idleMs, graceMs), () => this.closeIdle());
      } else this.closeIdle();
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
    this.idleTimer?.cancel();
    this.unwatch();
  }

  private closeIdle(): void {
    this.closesIdle = true;
    this.tls?.close();
    for (const connection of [...this.open]) connection.drainNow();
  }

  acceptFailed(): void {
    this.settings.stats.acceptErrors.inc();
  }

  accept(accepted: Socket): void {
    const { guard, stats } = this.settings;
    if (this.open.size + this.handshakes >= this.maxConnections || !guard.admits(openSockets())) {
      stats.refusedConnections.inc();
      accepted.resetAndDestroy();
      return;
    }
    if (this.tls !== undefined) {
      this.handshakes++;
      const handshake = new Handshake(() => this.handshakes--);
      const begin = (wire: SocketWire, socket: Socket, peer: PeerIdentity | undefined): void => {
        handshake.over();
        this.onSecured(wire, socket, peer);
      };
      acceptTls(accepted, this.tls, this.mode, handshake, begin, this.highWaterBytes);
      return;
    }
    const { wire, socket } = acceptWire(accepted, this.mode, notYet, this.highWaterBytes);
    this.begin(wire, socket, false, undefined);
    if (this.mode === "data") socket.resume();
  }

  /** By the time that a handshake is over, another server may have taken the place of this one, or none. */
  private readonly onSecured = (wire: SocketWire, socket: Socket, peer: PeerIdentity | undefined): void => {
    let heir: ListeningServer = this;
    while (heir.successor !== undefined) heir = heir.successor;
    if (heir.closesIdle) socket.destroy();
    else heir.begin(wire, socket, true, peer);
  };

  private begin(wire: SocketWire, socket: Socket, secure: boolean, peer: PeerIdentity | undefined): void {
    if (this.noDelay) socket.setNoDelay(true);
    if (this.keepAlive) socket.setKeepAlive(true);
    const connection = new ServerConnection(this, wire, {
      remote: { host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 },
      local: { host: socket.localAddress ?? "", port: socket.localPort ?? 0 },
      secure,
      peer,
    } satisfies Connection);
    wire.readBy(connection);
    this.adopt(connection);
  }

  private check(): void {
    const nowMs = this.settings.clock.now();
    for (const connection of this.open) connection.check(nowMs);
    this.timer = this.open.size > 0 ? this.settings.clock.after(this.checkMs, this.onCheck) : undefined;
  }
}

/** Reads a wire until its handshake is over, one way or the other. */
class Handshake implements WireReader {
  readonly #ended: () => void;
  #isOver = false;

  constructor(ended: () => void) {
    this.#ended = ended;
  }

  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended();
  }

  onBytes(): void {}

  onEof(): void {}

  onWritable(): void {}

  onClosed(): void {
    this.over();
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
    limits.responseTimeoutMs,
    limits.lingerMs,
  );
  return Math.max(minCheckMs, Math.min(maxCheckMs, least / 8));
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
  const mode = options.acceptMode ?? (await bestMode(options));
  return new ListeningServer(options, mode).listen(options);
}

async function bestMode({ tls }: Http1ServerOptions): Promise<AcceptMode> {
  if (tls === undefined) return acceptMode();
  return (await readsIntoBuffers(tls.context)) ? "onread" : "data";
}
