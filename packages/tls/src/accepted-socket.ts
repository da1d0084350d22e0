import type { OnReadOpts, Socket } from "node:net";
import type { SecureContext, TLSSocket, TLSSocketOptions } from "node:tls";
import { nodeTls } from "./node-tls.ts";

export interface AcceptedOptions {
  readonly secureContext: SecureContext;
  readonly requestCert: boolean;
  readonly alpn: readonly string[];
  /** Reads go into these buffers; through `data` events when not given. */
  readonly onread?: OnReadOpts | undefined;
  /** What may wait to be written before its writer is told to stop; 65,536 if not given. */
  readonly highWaterBytes?: number | undefined;
}

/** What Node's sockets have and its types leave out. */
interface Inner {
  _wrapHandle(wrap: Socket, handle: unknown, hasWrites: boolean): unknown;
  _init(socket: Socket, wrap: Socket): void;
  _tlsOptions: { readonly accepted: Socket & { readonly _handle: unknown } };
}

type Accepting = new (socket: undefined, options: TLSSocketOptions) => TLSSocket;

let accepting: Accepting | undefined;

/**
 * The server's end of TLS over a connection that was accepted.
 *
 * Shape: Node reads into buffers of ours only where TLS makes its own connection. A socket that is told it has none, and
 * has the accepted one put under it when it asks for its handle, reads into them too. Whoever uses it has seen that this
 * works here (`readsIntoBuffers`).
 */
export function acceptedSocket(accepted: Socket, options: AcceptedOptions): TLSSocket {
  const { secureContext, requestCert, alpn, onread, highWaterBytes } = options;
  const common = {
    isServer: true,
    secureContext,
    requestCert,
    rejectUnauthorized: requestCert,
    ALPNProtocols: [...alpn],
    allowHalfOpen: true,
    highWaterMark: highWaterBytes ?? 65_536,
  };
  if (onread === undefined) return new (nodeTls().TLSSocket)(accepted, common);
  accepting ??= newAccepting();
  return new accepting(undefined, { ...common, onread, accepted } as TLSSocketOptions);
}

function newAccepting(): Accepting {
  const Base = nodeTls().TLSSocket as unknown as new (
    socket: undefined,
    options: TLSSocketOptions,
  ) => TLSSocket & Inner;
  class AcceptingSocket extends Base {
    override _wrapHandle(_wrap: unknown, _handle: unknown, hasWrites: boolean): unknown {
      const { accepted } = this._tlsOptions;
      return super._wrapHandle(accepted, accepted._handle, hasWrites);
    }

    override _init(): void {
      const { accepted } = this._tlsOptions;
      super._init(accepted, accepted);
    }
  }
  return AcceptingSocket;
}
