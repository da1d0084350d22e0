import type { X509Certificate } from "node:crypto";
import type { NetConnectOpts } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import type { Clock } from "@weftmesh/core";
import type { StatsReceiver } from "@weftmesh/telemetry";
import { checkDates } from "./certificate-dates.ts";
import { HandshakeError } from "./errors.ts";
import { type ExpectedName, expectedName, isFor } from "./expected-name.ts";
import { handshakeError } from "./handshake-reason.ts";
import type { LiveContext } from "./live-context.ts";
import { nodeTls } from "./node-tls.ts";
import { TlsStats } from "./tls-stats.ts";

export interface TlsDialerOptions {
  readonly context: LiveContext;
  /** False takes any certificate for any name. */
  readonly validate: boolean;
  /** What the certificate must be for, and what is sent as SNI. */
  readonly commonName: string | undefined;
  readonly alpn: readonly string[];
  readonly clock: Clock;
  /** From the TCP connection to the end of the handshake; 10,000 ms if not given. */
  readonly handshakeTimeoutMs?: number;
  /** The client's scope for TLS: the dialers of its endpoints add up there. */
  readonly stats: StatsReceiver;
}

/** A session of before, which may be taken up with the same context alone. */
interface Kept {
  readonly context: SecureContext;
  readonly session: Buffer;
  /** What the server showed when the session began: it is not shown again. */
  readonly certificate: X509Certificate | undefined;
}

/**
 * The handshakes with one endpoint.
 *
 * Shape: `connect`, then `check` when the socket says `secureConnect`, and before anything is written. A session is
 * taken up again where the server offers it; the certificate that came with it is checked again like any other.
 */
export class TlsDialer {
  readonly handshakeTimeoutMs: number;
  readonly stats: TlsStats;
  readonly #options: TlsDialerOptions;
  readonly #name: ExpectedName | HandshakeError | undefined;
  readonly #nothingWrong = (): undefined => undefined;
  #kept: Kept | undefined = undefined;
  /** The certificates of servers, also of those that did not show theirs again. Node tells of one only once. */
  readonly #certificates: WeakMap<TLSSocket, X509Certificate> = new WeakMap();

  constructor(options: TlsDialerOptions) {
    this.#options = options;
    this.handshakeTimeoutMs = options.handshakeTimeoutMs ?? 10_000;
    this.stats = TlsStats.of(options.stats);
    this.stats.use();
    this.#name = options.commonName === undefined ? undefined : nameOrError(options.commonName);
  }

  /** No more connections are made. */
  close(): void {
    this.stats.leave();
  }

  /** Begins to connect. Errors: HandshakeError where the name is none. */
  connect(to: NetConnectOpts): TLSSocket {
    const { context, validate, alpn } = this.#options;
    if (this.#name instanceof HandshakeError) throw this.#name;
    const secureContext = context.current;
    const kept = this.#takeSession(secureContext);
    const socket = nodeTls().connect({
      ...to,
      secureContext,
      ALPNProtocols: [...alpn],
      rejectUnauthorized: validate,
      // The name is looked at in `check`, for sessions that are taken up too; Node leaves those out.
      checkServerIdentity: this.#nothingWrong,
      servername: this.#name?.kind === "dns" ? this.#name.text : "",
      ...(kept === undefined ? {} : { session: kept.session }),
    });
    if (kept?.certificate !== undefined) this.#certificates.set(socket, kept.certificate);
    socket.on("session", (session: Buffer) => {
      this.#kept = { context: secureContext, session, certificate: this.#certificates.get(socket) };
    });
    return socket;
  }

  /** The handshake is over. Errors: HandshakeError, when the server is not who it has to be. */
  check(socket: TLSSocket): void {
    const { validate, clock } = this.#options;
    if (!validate) return;
    if (!socket.authorized) throw handshakeError(socket.authorizationError);
    const certificate = this.#certificateOf(socket);
    if (certificate === undefined) throw new HandshakeError("no_certificate", "it showed no certificate");
    if (socket.isSessionReused()) checkDates(certificate, clock.epochMs());
    const name = this.#name;
    if (name === undefined || name instanceof HandshakeError || !isFor(certificate, name)) {
      throw new HandshakeError("wrong_name", `its certificate is not for ${this.#options.commonName}`);
    }
  }

  succeeded(socket: TLSSocket, tookMs: number): void {
    const { stats } = this;
    stats.handshakes.inc();
    stats.latencyMs.add(tookMs);
    if (socket.isSessionReused()) stats.resumed.inc();
    stats.opened();
    socket.once("close", () => stats.closed());
  }

  /** What a handshake failed with, counted, in words of ours. */
  failed(cause: Error | undefined): HandshakeError {
    const error = handshakeError(cause);
    this.#kept = undefined;
    this.stats.failed(error.reason);
    return error;
  }

  #certificateOf(socket: TLSSocket): X509Certificate | undefined {
    if (socket.isSessionReused()) return this.#certificates.get(socket);
    const shown = socket.getPeerX509Certificate();
    if (shown === undefined) this.#certificates.delete(socket);
    else this.#certificates.set(socket, shown);
    return shown;
  }

  /** A session is used once: whoever reads the wire could tell that two connections belong together. */
  #takeSession(context: SecureContext): Kept | undefined {
    const kept = this.#kept;
    this.#kept = undefined;
    return kept?.context === context ? kept : undefined;
  }
}

function nameOrError(text: string): ExpectedName | HandshakeError {
  try {
    return expectedName(text);
  } catch (error) {
    return handshakeError(error as Error);
  }
}
