import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { Full, Taken } from "@weftmesh/http";
import { watchForTruncation } from "@weftmesh/tls";
import { SocketWire } from "./socket-wire.ts";
import { giveOutput, noBytes } from "./write-buffers.ts";

type Close = (done?: () => void) => unknown;

/** What Node's sockets have and its types leave out. */
interface Inner {
  /** Of a connection that was accepted. */
  readonly _parent?: Socket | null;
  readonly _handle: {
    readonly _parent?: { close: Close; readonly reset?: (done?: () => void) => number } | null;
  } | null;
}

/**
 * A wire over a `tls.TLSSocket`.
 *
 * Shape: what is written at once leaves as one record where it fits in one. Bytes that go to TLS at once were encrypted
 * when the call returns, so they are not retained, and the buffer they came in is read into again.
 */
export class TlsWire extends SocketWire {
  override attach(socket: TLSSocket, buffered: boolean): void {
    super.attach(socket, buffered);
    // Node tells of what goes wrong within TLS, and leaves the connection as it is.
    socket.on("error", () => socket.destroy());
  }

  /** For a peer whose messages may end with the connection: only an end that TLS vouches for is one. */
  refuseTruncation(): void {
    const socket = this.socket as TLSSocket;
    watchForTruncation(socket, () => {
      socket.destroy(new Error("it closed the connection without saying so within TLS (no close_notify)"));
    });
  }

  override writeBytes(bytes: Uint8Array): number {
    const { socket } = this;
    if (socket === undefined || this.closed) return Taken;
    if (this.queued === "" && this.gathered === 0 && socket.writableLength === 0) {
      this.sent += bytes.length;
      socket.write(bytes);
      return socket.writableNeedDrain ? Full : Taken;
    }
    this.sent += bytes.length;
    socket.cork();
    this.writeQueued();
    socket.write(bytes);
    socket.uncork();
    return this.flags(socket);
  }

  /** Through the Writable and never past it: TLS takes one write at a time, and ends the process over a second. */
  protected override writeQueued(): void {
    const { queued, socket } = this;
    if (queued === "") {
      if (this.gathered > 0) this.writeGathered();
      return;
    }
    this.queued = "";
    if (socket !== undefined && !this.closed) socket.write(queued, "latin1");
  }

  protected override writeGathered(): void {
    const { socket, output, gathered } = this;
    this.gathered = 0;
    this.output = noBytes;
    let isFree = true;
    if (socket !== undefined && !this.closed) {
      isFree = socket.writableLength === 0 && socket.writableCorked === 0;
      socket.write(output.subarray(0, gathered));
    }
    if (isFree) giveOutput(output);
  }

  override reset(): void {
    this.writeQueued();
    const { socket } = this;
    if (this.closed || socket === undefined) return;
    if (!this.isEnding(socket)) resetBelow(socket as unknown as Inner);
    socket.destroy();
  }
}

/** Has TCP end with a reset when TLS closes it: there is no end within TLS then either. */
function resetBelow({ _parent: accepted, _handle: handle }: Inner): void {
  if (accepted !== undefined && accepted !== null) {
    accepted.resetAndDestroy();
    return;
  }
  const tcp = handle?._parent;
  const { reset } = tcp ?? {};
  if (tcp === undefined || tcp === null || reset === undefined) return;
  const { close } = tcp;
  tcp.close = (done) => (reset.call(tcp, done) === 0 ? undefined : close.call(tcp, done));
}
