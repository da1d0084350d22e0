import { type CtxKey, ctxKey } from "@weftmesh/core";
import { type Body, emptyBody } from "./body.ts";
import { Headers } from "./headers.ts";
import type { InterimSink } from "./interim.ts";

export type HttpVersion = "1.0" | "1.1" | "2";

/** A request as every layer sees it; modules may change what is not readonly before they pass it on. */
export class HttpRequest {
  readonly version: HttpVersion;
  method: string;
  scheme: "http" | "https";
  /** Host and port as the client named them: from the target's authority, else from `Host`; "" when neither is there. */
  authority: string;
  /** The target in origin form, with its query, or `*`. */
  path: string;
  readonly headers: Headers;
  body: Body;
  /** Hears of interim responses. A server sets it; a request that is made of another one has none unless it is given it. */
  interim: InterimSink | undefined = undefined;

  constructor(
    version: HttpVersion,
    method: string,
    scheme: "http" | "https",
    authority: string,
    path: string,
    headers: Headers,
    body: Body,
  ) {
    this.version = version;
    this.method = method;
    this.scheme = scheme;
    this.authority = authority;
    this.path = path;
    this.headers = headers;
    this.body = body;
  }
}

export class HttpResponse {
  readonly version: HttpVersion;
  status: number;
  readonly headers: Headers;
  body: Body;
  /** Bytes of the body that came; -1 until it is over. Set by whoever ends the call with its body. */
  bodyBytes = -1;
  /** What came behind the body, once it is over. */
  trailers: Headers | undefined = undefined;

  constructor(status: number, headers: Headers = new Headers(), body: Body = emptyBody, version: HttpVersion = "1.1") {
    this.version = version;
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** One end of a connection. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** A name that a certificate has beside its subject. */
export interface AlternativeName {
  readonly kind: "dns" | "uri" | "ip" | "email" | "other";
  readonly value: string;
}

/** Who the other end of a connection is, by a certificate that was checked against the roots which we trust. */
export interface PeerIdentity {
  /** SHA-256 of the certificate, in hex digits of upper case. */
  readonly sha256: string;
  /** In the form of RFC 2253; empty for a certificate that has none. */
  readonly subject: string;
  /** In the order of the certificate. */
  readonly names: readonly AlternativeName[];
}

/** The connection that a request came in on: one object for all of its requests. */
export interface Connection {
  readonly remote: SocketAddress;
  readonly local: SocketAddress;
  readonly secure: boolean;
  /** Absent where the client showed no certificate, or none that counts. */
  readonly peer?: PeerIdentity | undefined;
}

/** Set by a server codec on the ctx of each request. */
export const ConnectionKey: CtxKey<Connection | undefined> = ctxKey<Connection | undefined>("connection", undefined);

/** Set by a server codec on the ctx of a request of HTTP/1 whose target was in absolute form. */
export const AbsoluteFormKey: CtxKey<boolean> = ctxKey<boolean>("absoluteForm", false);
