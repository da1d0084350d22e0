import { emptyBody, type HttpRequest, Names, TunnelRequest } from "@weftmesh/http";
import { RequestError } from "@weftmesh/wire";
import { fromHttp2 } from "./from-http2.ts";

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const target = /^(?:\/|\*$)[\x21\x22\x24-\x7e\x80-\xff]*$/;
const protocolText = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$/;
const authorityText = /^[\x21-\x7e\x80-\xff]*$/;

/**
 * The head of a request in HTTP/1.1, in latin1, with the empty line.
 *
 * The codec owns what frames the message: whatever the headers say of it is made to agree with the body. A `Host` that
 * is missing is made of the authority.
 * Errors: `WEFT_PROTOCOL_REQUEST` for a method, path or authority that would not stay within its place in the head.
 */
export function requestHead(req: HttpRequest): string {
  const { method, path, headers } = req;
  if (method !== "GET" && method !== "POST" && !token.test(method)) throw new RequestError("the method is no token");
  if (method === "CONNECT") throw new RequestError("CONNECT cannot be sent on: its tunnel begins here");
  if (path !== "/" && !target.test(path)) throw new RequestError(`not a path: ${JSON.stringify(path)}`);
  headers.delete(Names.transferEncoding);
  const framing = framingLine(req);
  const host = headers.has(Names.host) ? "" : hostLine(req.authority);
  const own = req.version === "2" ? fromHttp2(headers) : "";
  const upgrade = req instanceof TunnelRequest ? upgradeLines(req) : own;
  return `${method} ${path} HTTP/1.1\r\n${host}${headers.toLines()}${framing}${upgrade}\r\n`;
}

/**
 * What the request says that its body has; undefined where it is chunked. In HTTP/2 a body may have both a length and
 * trailers, which HTTP/1.1 has behind chunks alone: those that are announced are worth them.
 */
export function framedLength({ version, headers, body }: HttpRequest): number | undefined {
  return version === "2" && body !== emptyBody && headers.has(Names.trailer) ? undefined : body.length;
}

function upgradeLines({ headers, protocols }: TunnelRequest): string {
  headers.delete(Names.connection).delete(Names.upgrade);
  for (const protocol of protocols) {
    if (!protocolText.test(protocol)) throw new RequestError(`not a protocol: ${JSON.stringify(protocol)}`);
  }
  return `Connection: upgrade\r\nUpgrade: ${protocols.join(", ")}\r\n`;
}

/** What has to be added so that the message says once, and truly, how long it is. */
function framingLine(req: HttpRequest): string {
  const { headers, method } = req;
  const length = framedLength(req);
  if (length === undefined) {
    headers.delete(Names.contentLength);
    return "Transfer-Encoding: chunked\r\n";
  }
  const count = headers.count(Names.contentLength);
  if (count === 0 && length === 0 && method !== "POST" && method !== "PUT" && method !== "PATCH") return "";
  if (count === 1 && headers.get(Names.contentLength) === String(length)) return "";
  headers.delete(Names.contentLength);
  return `Content-Length: ${length}\r\n`;
}

function hostLine(authority: string): string {
  if (!authorityText.test(authority)) throw new RequestError(`not an authority: ${JSON.stringify(authority)}`);
  return `Host: ${authority}\r\n`;
}
