import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import type { PeerIdentity } from "@weftmesh/http";
import type { Accepting } from "@weftmesh/tls";
import type { AcceptMode } from "./accept-wire.ts";
import { TlsWire } from "./tls-wire.ts";
import type { WireReader } from "./wire.ts";

/** The handshakes of a listener: a `TlsAcceptor`. */
export interface ServerTls {
  /** What new handshakes are made with now. */
  readonly context: SecureContext;
  /** By which rules connections are let in: those of one may go over to another that has the same. */
  readonly admits: string;
  start(): void;
  /** Takes no more; handshakes that are under way come to their end. */
  retire(): void;
  accept(accepted: Socket, accepting: Accepting): void;
  close(): void;
}

/** Calls `begin` when the handshake of an accepted connection is over; of one that fails nobody hears here. */
export function acceptTls(
  accepted: Socket,
  tls: ServerTls,
  mode: AcceptMode,
  notYet: WireReader,
  begin: (wire: TlsWire, socket: Socket, peer: PeerIdentity | undefined, alpn?: string) => void,
  highWaterBytes?: number,
): void {
  const wire = new TlsWire(notYet, highWaterBytes);
  const isBuffered = mode === "onread";
  tls.accept(accepted, {
    onread: isBuffered ? wire.onread : undefined,
    highWaterBytes,
    made: (socket) => wire.attach(socket, isBuffered),
    secured: (socket, peer) => begin(wire, socket, peer, socket.alpnProtocol || undefined),
  });
}
