import type { OnReadOpts, Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import type { Clock, Timer } from "@weftmesh/core";
import type { PeerIdentity } from "@weftmesh/http";
import type { StatsReceiver } from "@weftmesh/telemetry";
import { acceptedSocket } from "./accepted-socket.ts";
import { checkDates } from "./certificate-dates.ts";
import { HandshakeError, type HandshakeReason } from "./errors.ts";
import { handshakeError } from "./handshake-reason.ts";
import type { LiveContext } from "./live-context.ts";
import { peerIdentity } from "./peer-identity.ts";
import { TlsStats } from "./tls-stats.ts";

export interface TlsAcceptorOptions {
  readonly context: LiveContext;
  readonly requireClientAuth: boolean;
  /** The protocols that are spoken here, the preferred first. A client that offers others alone is refused. */
  readonly alpn: readonly string[];
  readonly clock: Clock;
  /** From the connection to the end of the handshake; 10,000 ms if not given. */
  readonly handshakeTimeoutMs?: number;
  /** Handshakes under way at a time; one more, and the oldest is given up. 1,000 if not given. */
  readonly maxHandshakes?: number;
  /** By which rules clients are let in, in any words: see `TlsAcceptor.admits`. `TLS` if not given. */
  readonly admits?: string;
  /** The scope of the listener's TLS. */
  readonly stats: StatsReceiver;
}

/** Who hears of a connection that was accepted. */
export interface Accepting {
  /** Where the bytes are to be read into; through `data` events when not given. */
  readonly onread?: OnReadOpts | undefined;
  /** What may wait to be written before its writer is told to stop; 65,536 if not given. */
  readonly highWaterBytes?: number | undefined;
  /** The socket as soon as it is there, for whoever listens to it. Nothing was read. */
  readonly made: (socket: TLSSocket) => void;
  /** The handshake is over, and the client is who it has to be. */
  readonly secured: (socket: TLSSocket, peer: PeerIdentity | undefined) => void;
}

interface Inner {
  readonly ssl?: { verifyError?(): Error | null | undefined };
  _releaseControl?(): boolean;
}

/**
 * The handshakes of a listener.
 *
 * Shape: handshakes are bounded in time and in number. Who comes when there are too many takes the place of the oldest
 * that is still not done: a client that means well needs milliseconds. Nobody is told why a handshake failed but the
 * metrics; to the client goes what TLS has to say, and the connection ends.
 * A session that is taken up again shows the certificate with which it was begun, and its dates are looked at again.
 * Its ticket is worth nothing to another context than that which made it.
 */
export class TlsAcceptor {
  readonly #options: TlsAcceptorOptions;
  readonly #stats: TlsStats;
  readonly #timeoutMs: number;
  readonly #maxHandshakes: number;
  readonly #pending: Set<Handshake> = new Set();
  readonly #removeGauge: () => void;
  #retired = false;

  constructor(options: TlsAcceptorOptions) {
    const { stats, context } = options;
    this.#options = options;
    this.#stats = new TlsStats(stats);
    this.#timeoutMs = options.handshakeTimeoutMs ?? 10_000;
    this.#maxHandshakes = options.maxHandshakes ?? 1_000;
    this.#stats.use();
    this.#removeGauge = stats.gauge(() => context.expiresInSeconds ?? 0, "certificate_expiry_seconds");
  }

  /** What new handshakes are made with now. */
  get context(): SecureContext {
    return this.#options.context.current;
  }

  /** By which rules connections are let in: those of one may go over to another with the same. */
  get admits(): string {
    return this.#options.admits ?? "TLS";
  }

  /** Begins to look after the certificate's files. */
  start(): void {
    this.#options.context.watch();
  }

  accept(accepted: Socket, accepting: Accepting): void {
    if (this.#retired) {
      accepted.destroy();
      return;
    }
    if (this.#pending.size >= this.#maxHandshakes) {
      const [oldest] = this.#pending;
      oldest?.fail(new HandshakeError("evicted", "there are too many handshakes, and it was the oldest"));
    }
    const { context, requireClientAuth, alpn } = this.#options;
    // The connection may have ended before anybody looked at it.
    if (accepted.destroyed) return;
    const socket = acceptedSocket(accepted, {
      secureContext: context.current,
      requestCert: requireClientAuth,
      alpn,
      onread: accepting.onread,
      highWaterBytes: accepting.highWaterBytes,
    });
    accepting.made(socket);
    this.#pending.add(new Handshake(this, socket, accepting, this.#options.clock, this.#timeoutMs));
    this.#stats.pending++;
  }

  /** Takes no more; the handshakes that are under way come to their end. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#removeGauge();
    this.#stats.leave();
    this.#options.context.close();
  }

  /** Takes no more, and gives up the handshakes that are under way. */
  close(): void {
    this.retire();
    for (const handshake of [...this.#pending]) handshake.fail(new HandshakeError("closed", "the server closes"));
  }

  /** A handshake is done: who it is. Errors: HandshakeError. */
  identify(socket: TLSSocket): PeerIdentity | undefined {
    if (!this.#options.requireClientAuth) return undefined;
    const { ssl } = socket as unknown as Inner;
    // What cannot be asked is not allowed.
    if (typeof ssl?.verifyError !== "function")
      throw new HandshakeError("other", "its certificate cannot be checked here");
    const wrong = ssl.verifyError();
    if (wrong !== null && wrong !== undefined) throw handshakeError(wrong);
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) throw new HandshakeError("no_certificate", "it showed no certificate");
    checkDates(certificate, this.#options.clock.epochMs());
    return peerIdentity(certificate);
  }

  succeeded(handshake: Handshake, socket: TLSSocket, tookMs: number): void {
    const stats = this.#stats;
    this.#pending.delete(handshake);
    stats.pending--;
    stats.handshakes.inc();
    stats.latencyMs.add(tookMs);
    if (socket.isSessionReused()) stats.resumed.inc();
    stats.opened();
    socket.once("close", () => stats.closed());
  }

  failed(handshake: Handshake, reason: HandshakeReason): void {
    this.#pending.delete(handshake);
    this.#stats.pending--;
    this.#stats.failed(reason);
  }
}

/** One handshake, from the connection until it is done or given up. */
class Handshake {
  readonly #acceptor: TlsAcceptor;
  readonly #socket: TLSSocket;
  readonly #accepting: Accepting;
  readonly #startedMs: number;
  readonly #clock: Clock;
  readonly #timer: Timer;
  #isOver = false;

  constructor(acceptor: TlsAcceptor, socket: TLSSocket, accepting: Accepting, clock: Clock, timeoutMs: number) {
    this.#acceptor = acceptor;
    this.#socket = socket;
    this.#accepting = accepting;
    this.#clock = clock;
    this.#startedMs = clock.now();
    this.#timer = clock.after(timeoutMs, () =>
      this.fail(new HandshakeError("timeout", `the handshake took longer than ${timeoutMs} ms`)),
    );
    socket.once("secure", this.#onSecure);
    socket.on("error", this.#onError);
    // What goes wrong before the handshake is over is told there alone.
    socket.on("_tlsError", this.#onError);
    // A client that leaves by halves within the handshake leaves.
    socket.once("end", () => this.fail(handshakeError(undefined)));
    socket.once("close", () => this.fail(handshakeError(undefined)));
  }

  fail(error: HandshakeError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.cancel();
    this.#acceptor.failed(this, error.reason);
    this.#socket.destroy();
  }

  readonly #onError = (error: Error): void => {
    // An error of the connection once it is up is for its wire, and ends it.
    if (this.#isOver) this.#socket.destroy(error);
    else this.fail(handshakeError(error));
  };

  readonly #onSecure = (): void => {
    if (this.#isOver) return;
    const socket = this.#socket;
    let peer: PeerIdentity | undefined;
    try {
      peer = this.#acceptor.identify(socket);
    } catch (refused) {
      this.fail(handshakeError(refused as Error));
      return;
    }
    this.#isOver = true;
    this.#timer.cancel();
    (socket as unknown as Inner)._releaseControl?.();
    this.#acceptor.succeeded(this, socket, this.#clock.now() - this.#startedMs);
    this.#accepting.secured(socket, peer);
  };
}
