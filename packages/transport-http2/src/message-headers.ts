import { type Headers, Names } from "@weftmesh/http";

/** What frames a message in HTTP/1, and has no place in HTTP/2 (RFC 9113 section 8.2.2). */
const framing = [Names.connection, Names.keepAlive, Names.proxyConnection, Names.transferEncoding, Names.upgrade];

/** Takes out what another version of HTTP left in the headers. Cost: a look at a bit for each, as a rule. */
export function dropFraming(headers: Headers): void {
  for (const name of framing) if (headers.has(name)) headers.delete(name);
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
