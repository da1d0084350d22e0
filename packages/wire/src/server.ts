import type { Socket } from "node:net";
import type { Clock, Timer } from "@weftmesh/core";
import type { Connection, PeerIdentity, SocketAddress } from "@weftmesh/http";
import { type Acceptor, type Listener, Listeners } from "@weftmesh/listeners";
import { readsIntoBuffers } from "@weftmesh/tls";
import { acceptMode } from "./accept-mode.ts";
import { acceptTls, type ServerTls } from "./accept-tls.ts";
import { type AcceptMode, acceptWire } from "./accept-wire.ts";
import { Handshake, notYet } from "./handshake.ts";
import { noGuard, type ServerGuard } from "./server-guard.ts";
import { nullServerStats, type ServerConnectionStats } from "./server-stats.ts";
import type { ConnectionOwner, ServedConnection, Serving } from "./serving.ts";
import { openSockets, type SocketWire, writeHighWaterBytes } from "./socket-wire.ts";

export interface ServerSocketOptions {
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
}

/** What the servers of all protocols are given. */
export interface WireServerOptions {
  /** An address to listen on; 127.0.0.1 if not given. */
  readonly host?: string;
  /** 0 takes any that is free. */
  readonly port: number;
  readonly clock: Clock;
  readonly socketOptions?: ServerSocketOptions;
  /** What may wait to be written to a connection before its writer is told to stop; 65,536 if not given. */
  readonly connectionBufferBytes?: number;
  readonly stats?: ServerConnectionStats;
  /** Connections at a time; one more is closed at once. No limit if not given. */
  readonly maxConnections?: number;
  /** Everything is taken if not given. */
  readonly guard?: ServerGuard;
  /**
   * The listening sockets of the process. A server that asks them for an address which another one has takes it over,
   * and with it the open connections, each once nothing is under way on it; sockets of its own if not given.
   */
  readonly listeners?: Listeners;
  /** Every connection is of TLS; none is if not given. The server looks after it, and closes it. */
  readonly tls?: ServerTls;
  /** How connections are read; what works best here if not given. */
  readonly acceptMode?: AcceptMode;
}

/** A server that listens. */
export interface WireServer {
  readonly address: SocketAddress;
  /** Open connections. */
  readonly connections: number;
  /**
   * Accepts no more, lets what is under way finish, and destroys what is left after `graceMs`. A connection that has
   * nothing under way is closed after `idleMs`, 0 if not given: until then a request may come, as one may be on its
   * way that its client will not send again, and is answered with word that the connection ends. Connections that
   * another server took over stay open. Resolves when all are gone. A second call may only shorten the grace.
   */
  close(graceMs?: number, idleMs?: number): Promise<void>;
}

class ListeningServer<S extends Serving<S>> implements WireServer, ConnectionOwner<S>, Acceptor {
  readonly serving: S;
  draining = false;
  closesIdle = false;
  address: SocketAddress = { host: "", port: 0 };
  private successor: ListeningServer<S> | undefined = undefined;

  private readonly clock: Clock;
  private readonly stats: ServerConnectionStats;
  private readonly guard: ServerGuard;
  private listener: Listener | undefined = undefined;
  private readonly noDelay: boolean;
  private readonly keepAlive: boolean;
  private readonly mode: AcceptMode;
  private readonly tls: ServerTls | undefined;
  private readonly highWaterBytes: number;
  private readonly open: Set<ServedConnection> = new Set();
  private readonly maxConnections: number;
  /** Connections whose handshake is not over. */
  private handshakes = 0;
  private readonly onCheck: () => void = () => this.check();
  private readonly unwatch: () => void;
  private timer: Timer | undefined = undefined;
  private graceTimer: Timer | undefined = undefined;
  private idleTimer: Timer | undefined = undefined;
  private closing: Promise<void> | undefined = undefined;
  private onGone: () => void = () => {};

  constructor(options: WireServerOptions, serving: S, mode: AcceptMode) {
    const { socketOptions } = options;
    this.serving = serving;
    this.clock = options.clock;
    this.stats = options.stats ?? nullServerStats;
    this.guard = options.guard ?? noGuard;
    this.maxConnections = options.maxConnections ?? Number.POSITIVE_INFINITY;
    this.mode = mode;
    this.tls = options.tls;
    this.highWaterBytes = options.connectionBufferBytes ?? writeHighWaterBytes;
    this.noDelay = socketOptions?.noDelay ?? true;
    this.keepAlive = socketOptions?.keepAlive ?? false;
    this.unwatch = this.stats.watchConnections(() => this.open.size);
  }

  async listen(options: WireServerOptions): Promise<this> {
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
      this.serving.ended();
      this.tls?.close();
      throw thrown;
    });
    this.listener = listener;
    this.address = { host: listener.host, port: listener.port };
    this.tls?.start();
    // Whoever was let in by other rules has to come anew, and whoever speaks what is not spoken here.
    if (before instanceof ListeningServer && before.tls?.admits === this.tls?.admits && this.speaks(before.serving)) {
      before.giveTo(this);
    }
    return this;
  }

  private speaks({ protocols }: S): boolean {
    return protocols.every((each) => this.serving.protocols.includes(each));
  }

  /** The connections go over to another server: now, or behind what is under way. */
  private giveTo(successor: ListeningServer<S>): void {
    this.successor = successor;
    for (const connection of [...this.open]) connection.moveIfIdle();
  }

  get handsOver(): boolean {
    return this.successor !== undefined;
  }

  handOver(connection: ServedConnection): ConnectionOwner<S> {
    // The server that follows may have been followed itself by then.
    let heir = this.successor as ListeningServer<S>;
    while (heir.successor !== undefined) heir = heir.successor;
    this.forget(connection);
    heir.adopt(connection);
    return heir;
  }

  private adopt(connection: ServedConnection): void {
    this.open.add(connection);
    this.guard.opened();
    this.timer ??= this.clock.after(this.serving.checkMs, this.onCheck);
  }

  replace(connection: ServedConnection, by: ServedConnection): void {
    if (this.open.delete(connection)) this.open.add(by);
  }

  get connections(): number {
    return this.open.size;
  }

  closed(connection: ServedConnection): void {
    this.forget(connection);
  }

  private forget(connection: ServedConnection): void {
    this.open.delete(connection);
    this.guard.closed();
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
        this.idleTimer = this.clock.after(Math.min(idleMs, graceMs), () => this.closeIdle());
      } else this.closeIdle();
    }
    if (Number.isFinite(graceMs) && this.open.size > 0) {
      this.graceTimer?.cancel();
      this.graceTimer = this.clock.after(graceMs, () => {
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
    this.serving.ended();
  }

  private closeIdle(): void {
    this.closesIdle = true;
    this.tls?.close();
    for (const connection of [...this.open]) connection.drainNow();
  }

  acceptFailed(): void {
    this.stats.acceptErrors.inc();
  }

  accept(accepted: Socket): void {
    if (this.open.size + this.handshakes >= this.maxConnections || !this.guard.admits(openSockets())) {
      this.stats.refusedConnections.inc();
      accepted.resetAndDestroy();
      return;
    }
    if (this.tls !== undefined) {
      this.handshakes++;
      const handshake = new Handshake(() => this.handshakes--);
      const begin = (wire: SocketWire, socket: Socket, peer: PeerIdentity | undefined, alpn?: string): void => {
        handshake.over();
        this.onSecured(wire, socket, peer, alpn);
      };
      acceptTls(accepted, this.tls, this.mode, handshake, begin, this.highWaterBytes);
      return;
    }
    const { wire, socket } = acceptWire(accepted, this.mode, notYet, this.highWaterBytes);
    this.begin(wire, socket, false, undefined, undefined);
    if (this.mode === "data") socket.resume();
  }

  /** By the time that a handshake is over, another server may have taken the place of this one, or none. */
  private onSecured(wire: SocketWire, socket: Socket, peer: PeerIdentity | undefined, alpn?: string): void {
    let heir: ListeningServer<S> = this;
    while (heir.successor !== undefined) heir = heir.successor;
    if (heir.closesIdle) socket.destroy();
    else heir.begin(wire, socket, true, peer, alpn);
  }

  private begin(
    wire: SocketWire,
    socket: Socket,
    secure: boolean,
    peer: PeerIdentity | undefined,
    alpn: string | undefined,
  ): void {
    if (this.noDelay) socket.setNoDelay(true);
    if (this.keepAlive) socket.setKeepAlive(true);
    const connection: Connection = {
      remote: { host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 },
      local: { host: socket.localAddress ?? "", port: socket.localPort ?? 0 },
      secure,
      peer,
    };
    this.adopt(this.serving.begin(this, wire, connection, alpn));
  }

  private check(): void {
    const nowMs = this.clock.now();
    for (const connection of this.open) connection.check(nowMs);
    this.timer = this.open.size > 0 ? this.clock.after(this.serving.checkMs, this.onCheck) : undefined;
  }
}

/**
 * Listens, and has a protocol served on each connection that is accepted.
 *
 * Shape: knows of connections and nothing of what they carry: who is let in, how many, for how long, what happens to
 * them when the server closes or another takes its place. `serving` is what its connections find at their owner.
 * Errors: rejects with `WEFT_LISTEN`, which names the address.
 * Cost: per connection; a check of all of them every `serving.checkMs`.
 */
export async function listenOnWires<S extends Serving<S>>(options: WireServerOptions, serving: S): Promise<WireServer> {
  const mode = options.acceptMode ?? (await bestMode(options));
  return new ListeningServer(options, serving, mode).listen(options);
}

async function bestMode({ tls }: WireServerOptions): Promise<AcceptMode> {
  if (tls === undefined) return acceptMode();
  return (await readsIntoBuffers(tls.context)) ? "onread" : "data";
}
