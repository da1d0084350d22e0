import { type HeaderEncoder, Pseudo } from "@weftmesh/hpack";
import { emptyBody, HeaderField, type HttpRequest, Names, TunnelRequest } from "@weftmesh/http";
import { RequestError } from "@weftmesh/wire";
import { Http2Request } from "./http2-request.ts";
import { dropFraming, dropHandshake, fixLength } from "./message-headers.ts";

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const target = /^(?:\/|\*$)[\x21\x22\x24-\x7e\x80-\xff]*$/;
const authorityText = /^[\x21-\x7e\x80-\xff]*$/;

const schemes = {
  http: new HeaderField(Pseudo.scheme, ":scheme", "http"),
  https: new HeaderField(Pseudo.scheme, ":scheme", "https"),
} as const;

/**
 * Encodes the head of a request.
 *
 * The codec owns what frames the message: whatever the headers say of it is made to agree with the body. `host` is said
 * by `:authority`.
 * Errors: `WEFT_PROTOCOL_REQUEST` for a method, path or authority that would not stay within its place, and for a tunnel
 * of a protocol to a server that takes none: `takesProtocols` says whether it does.
 */
export function encodeRequest(encoder: HeaderEncoder, req: HttpRequest, takesProtocols: boolean): void {
  const { headers } = req;
  if (headers.has(Names.host)) {
    if (req.authority === "") req.authority = headers.get(Names.host) as string;
    headers.delete(Names.host);
  }
  if (req instanceof TunnelRequest) {
    encodeTunnel(encoder, req, takesProtocols);
    return;
  }
  dropFraming(headers);
  if (req.body !== emptyBody) fixLength(headers, req.body.length);
  else if (headers.has(Names.contentLength) && headers.get(Names.contentLength) !== "0") {
    headers.delete(Names.contentLength);
  }
  // What came by HTTP/2 and was left as it came was checked then, and goes out as the same objects.
  if (req instanceof Http2Request) encodeReceived(encoder, req);
  else encodeMade(encoder, req, undefined);
  encoder.headers(headers);
}

function encodeReceived(encoder: HeaderEncoder, req: Http2Request): void {
  const { methodField, authorityField, pathField } = req;
  if (
    pathField === undefined ||
    authorityField === undefined ||
    pathField.value !== req.path ||
    authorityField.value !== req.authority ||
    methodField.value !== req.method
  ) {
    encodeMade(encoder, req, undefined);
    return;
  }
  encoder.begin();
  encoder.field(methodField);
  encoder.field(schemes[req.scheme]);
  encoder.field(authorityField);
  encoder.field(pathField);
}

/** CONNECT, or extended CONNECT for what `Upgrade` asks for in HTTP/1 (RFC 8441 section 4). */
function encodeTunnel(encoder: HeaderEncoder, req: TunnelRequest, takesProtocols: boolean): void {
  const [protocol] = req.protocols;
  dropHandshake(req.headers);
  if (protocol === undefined) {
    if (!authorityText.test(req.authority))
      throw new RequestError(`not an authority: ${JSON.stringify(req.authority)}`);
    encoder.begin();
    encoder.pair(":method", "CONNECT");
    encoder.pair(":authority", req.authority);
  } else {
    if (!takesProtocols)
      throw new RequestError(`the server takes no extended CONNECT: there is no ${protocol} with it`);
    if (!token.test(protocol)) throw new RequestError(`not a protocol: ${JSON.stringify(protocol)}`);
    encodeMade(encoder, req, protocol);
  }
  encoder.headers(req.headers);
}

function encodeMade(encoder: HeaderEncoder, req: HttpRequest, protocol: string | undefined): void {
  const { method, path, authority } = req;
  if (method !== "GET" && method !== "POST" && !token.test(method)) throw new RequestError("the method is no token");
  if (path !== "/" && !target.test(path)) throw new RequestError(`not a path: ${JSON.stringify(path)}`);
  if (!authorityText.test(authority)) throw new RequestError(`not an authority: ${JSON.stringify(authority)}`);
  encoder.begin();
  encoder.pair(":method", protocol === undefined ? method : "CONNECT");
  if (protocol !== undefined) encoder.pair(":protocol", protocol.toLowerCase());
  encoder.field(schemes[req.scheme]);
  if (authority !== "") encoder.pair(":authority", authority);
  encoder.pair(":path", path);
}
