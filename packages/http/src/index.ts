export { isAuthority } from "./authority.ts";
export {
  type Body,
  type BodySink,
  bytesBody,
  discard,
  emptyBody,
  type Flow,
  Full,
  latin1Body,
  Retained,
  Taken,
  textBody,
} from "./body.ts";
export { BodyRelay } from "./body-relay.ts";
export { BodyTooLongError, collectBody } from "./collect-body.ts";
export { copyBytes } from "./copy-bytes.ts";
export { discardBody } from "./discard-body.ts";
export { dropBody } from "./drop-body.ts";
export { dispatchHttp, endWithBody } from "./end-with-body.ts";
export { ForbiddenError } from "./forbidden-error.ts";
export { encodeHeaderValue, HeaderError, HeaderField, headerField, Indexing } from "./header-field.ts";
export {
  declaredName,
  declaredNames,
  findNameId,
  HeaderName,
  hashStep,
  headerName,
  highNames,
  Names,
  nameBit,
  nameById,
  tokenTable,
} from "./header-name.ts";
export { Headers, type HeaderVisitor } from "./headers.ts";
export { hasToken, stripHopByHop } from "./hop-by-hop.ts";
export { codeName, Http2Code, knownCodeName } from "./http2-code.ts";
export { isIdempotent } from "./idempotent.ts";
export { type InterimSink, stripInterim } from "./interim.ts";
export {
  AbsoluteFormKey,
  type AlternativeName,
  type Connection,
  ConnectionKey,
  HttpRequest,
  HttpResponse,
  type HttpVersion,
  type PeerIdentity,
  type SocketAddress,
} from "./message.ts";
export { dropSegments, pathEnd, pathSegments } from "./request-path.ts";
export { StreamError, type StreamErrorOptions, StreamReset } from "./stream-error.ts";
export { type BodyTap, tapBody } from "./tap-body.ts";
export { keepTrailers } from "./trailers.ts";
export { type TunnelEnd, TunnelRequest, TunnelResponse } from "./tunnel.ts";
