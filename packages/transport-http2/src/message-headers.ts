import { type Headers, hasToken, Names, stripHopByHop } from "@weftmesh/http";
import { webSocketAccept, webSocketKey } from "./websocket.ts";

/** What frames a message in HTTP/1, and has no place in HTTP/2 (RFC 9113 section 8.2.2). */
const framing = [Names.connection, Names.keepAlive, Names.proxyConnection, Names.transferEncoding, Names.upgrade];

/** Takes out what another version of HTTP left in the headers. Cost: a look at a bit for each, as a rule. */
export function dropFraming(headers: Headers): void {
  // It may name others, and `TE` says of a connection there what it says of a message here.
  if (headers.has(Names.connection)) {
    const takesTrailers = headers.has(Names.te) && hasToken(headers, Names.te, "trailers");
    stripHopByHop(headers);
    if (takesTrailers) headers.set(Names.te, "trailers");
  } else if (headers.has(Names.te) && headers.get(Names.te) !== "trailers") headers.delete(Names.te);
  for (const name of framing) if (headers.has(name)) headers.delete(name);
}

/** What only the handshake of WebSocket over HTTP/1 has (RFC 8441 section 5). */
const handshake = [webSocketKey, webSocketAccept, Names.contentLength];

/** For the head that makes a tunnel of a stream: what HTTP/1 would need for that goes. */
export function dropHandshake(headers: Headers): void {
  dropFraming(headers);
  for (const name of handshake) headers.delete(name);
}

/** Has `content-length` say what the body says of itself; one that nobody knows is not said. */
export function fixLength(headers: Headers, length: number | undefined): void {
  const count = headers.count(Names.contentLength);
  if (length === undefined) {
    if (count > 0) headers.delete(Names.contentLength);
  } else if (count !== 1 || headers.get(Names.contentLength) !== String(length)) {
    headers.set(Names.contentLength, String(length));
  }
}
