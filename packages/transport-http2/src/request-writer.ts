import { type HeaderEncoder, Pseudo } from "@weftmesh/hpack";
import { emptyBody, HeaderField, type HttpRequest, Names } from "@weftmesh/http";
import { RequestError } from "@weftmesh/wire";
import { Http2Request } from "./http2-request.ts";
import { dropFraming, fixLength } from "./message-headers.ts";

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
 * Errors: `WEFT_PROTOCOL_REQUEST` for a method, path or authority that would not stay within its place.
 */
export function encodeRequest(encoder: HeaderEncoder, req: HttpRequest): void {
  const { headers } = req;
  if (headers.has(Names.host)) {
    if (req.authority === "") req.authority = headers.get(Names.host) as string;
    headers.delete(Names.host);
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

/** `protocol` makes an extended CONNECT of it. */
export function encodeMade(encoder: HeaderEncoder, req: HttpRequest, protocol: string | undefined): void {
  const { method, path, authority } = req;
  if (method !== "GET" && method !== "POST" && !token.test(method)) throw new RequestError("the method is no token");
  if (path !== "/" && !target.test(path)) throw new RequestError(`not a path: ${JSON.stringify(path)}`);
  if (!authorityText.test(authority)) throw new RequestError(`not an authority: ${JSON.stringify(authority)}`);
  encoder.begin();
  encoder.pair(":method", method);
  if (protocol !== undefined) encoder.pair(":protocol", protocol);
  encoder.field(schemes[req.scheme]);
  if (authority !== "") encoder.pair(":authority", authority);
  encoder.pair(":path", path);
}
