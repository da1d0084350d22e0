import { createHash, randomBytes } from "node:crypto";
import { type HeaderField, type HeaderName, headerField, headerName } from "@weftmesh/http";

export const webSocketKey: HeaderName = headerName("Sec-WebSocket-Key");
export const webSocketAccept: HeaderName = headerName("Sec-WebSocket-Accept");

const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** What a server of HTTP/1 answers the key with (RFC 6455 section 4.2.2), for a client of HTTP/1 behind one of HTTP/2. */
export function acceptField(key: string): HeaderField {
  return headerField(
    webSocketAccept,
    createHash("sha1")
      .update(key.trim() + magic, "latin1")
      .digest("base64"),
  );
}

/** A key, for a server of HTTP/1 behind a client of HTTP/2, which sends none. */
export function keyField(): HeaderField {
  return headerField(webSocketKey, randomBytes(16).toString("base64"));
}
