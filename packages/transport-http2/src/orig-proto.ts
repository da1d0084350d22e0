import type { HeaderEncoder } from "@weftmesh/hpack";
import {
  emptyBody,
  type HeaderField,
  type HeaderName,
  Headers,
  type HttpRequest,
  type HttpVersion,
  headerField,
  headerName,
  Indexing,
  Names,
} from "@weftmesh/http";
import { fixLength } from "./message-headers.ts";
import { encodeRequest } from "./request-writer.ts";

/** By which proxies tell each other, as those of Linkerd 2 do, that a message of HTTP/2 is one of HTTP/1. */
export const origProto: HeaderName = headerName("l5d-orig-proto");

const named = (value: string): HeaderField => headerField(origProto, value, Indexing.indexed);

const http10 = named("HTTP/1.0");
const http11 = named("HTTP/1.1");
const absolute10 = named("HTTP/1.0; absolute-form");
const absolute11 = named("HTTP/1.1; absolute-form");

/** What a request was before a proxy upgraded it. */
export interface OrigProto {
  readonly version: "1.0" | "1.1";
  readonly isAbsolute: boolean;
}

const known: ReadonlyMap<string, OrigProto> = new Map([
  [http10.value, { version: "1.0", isAbsolute: false }],
  [http11.value, { version: "1.1", isAbsolute: false }],
  [absolute10.value, { version: "1.0", isAbsolute: true }],
  [absolute11.value, { version: "1.1", isAbsolute: true }],
]);

/** The field for a request of HTTP/1. */
export function requestMark(version: HttpVersion, isAbsolute: boolean): HeaderField {
  if (version === "1.0") return isAbsolute ? absolute10 : http10;
  return isAbsolute ? absolute11 : http11;
}

/** The field for a response; undefined for one of HTTP/2. */
export function responseMark(version: HttpVersion): HeaderField | undefined {
  if (version === "2") return undefined;
  return version === "1.0" ? http10 : http11;
}

/** Takes the header off; undefined unless it is there once and says exactly what a proxy would. */
export function takeMark(headers: Headers): OrigProto | undefined {
  const mark = headers.count(origProto) === 1 ? known.get(headers.get(origProto) as string) : undefined;
  headers.delete(origProto);
  return mark;
}

/**
 * Encodes the head of a request of HTTP/1 that is to be one again at the other end: by the rules of HTTP/1 where those of
 * HTTP/2 would leave something out. The request itself is not marked, so that it can be sent in any other way as well.
 */
export function encodeUpgraded(encoder: HeaderEncoder, req: HttpRequest, isAbsolute: boolean): void {
  const { headers, body } = req;
  // HTTP/1 goes by `Host`, whatever the authority is.
  const host = headers.get(Names.host);
  if (host !== undefined) req.authority = host;
  if (body === emptyBody && (headers.has(Names.contentLength) || expectsContent(req.method))) fixLength(headers, 0);
  if (headers.has(origProto)) headers.delete(origProto);
  encodeRequest(encoder, req, false);
  encoder.field(requestMark(req.version, isAbsolute));
}

/** A request of these that has no body says so in HTTP/1 (RFC 9110 section 8.6). */
function expectsContent(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}

/** The last `Host` that was made of an authority: most requests of a process name a few. */
let lastHost: HeaderField = headerField(Names.host, "");

/** The headers of an upgraded request as they were: `Host` says again what `:authority` said. `fields` are all of them. */
export function downgradedHeaders(
  version: HttpVersion,
  authority: string,
  headers: Headers,
  fields: readonly HeaderField[],
): Headers {
  // A request of HTTP/1.1 has one, be it empty.
  if (headers.has(Names.host) || (authority === "" && version === "1.0")) return headers;
  if (lastHost.value !== authority) lastHost = headerField(Names.host, authority);
  return Headers.ofFields([lastHost, ...fields]);
}
