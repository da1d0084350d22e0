import type { TLSSocket } from "node:tls";

/** What Node's sockets have and its types leave out. */
interface Inner {
  _handle: { readonly _parent?: { reading?: boolean; readStart?(): number; readStop?(): number } | null } | null;
  push(chunk: unknown, encoding?: BufferEncoding): boolean;
}

/**
 * Tells `onTruncated` when the peer ends the connection without saying so within TLS, which anybody on the way can do.
 *
 * Shape: Node shows both ends alike. In the moment in which it does, the TCP connection below is still being read when
 * the end was said within TLS, and has been ended when it was not; asking it to read answers which.
 */
export function watchForTruncation(socket: TLSSocket, onTruncated: () => void): void {
  const inner = socket as unknown as Inner;
  const push = inner.push;
  inner.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk === null && isTruncated(inner)) onTruncated();
    return push.call(socket, chunk, encoding);
  };
}

function isTruncated({ _handle: handle }: Inner): boolean {
  const tcp = handle?._parent;
  if (tcp === undefined || tcp === null || tcp.readStart === undefined) return false;
  // Paused by us: an end of TCP would not have been read.
  if (tcp.reading === false) return false;
  if (tcp.readStart() !== 0) return false;
  tcp.readStop?.();
  return true;
}
