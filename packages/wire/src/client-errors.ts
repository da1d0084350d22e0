import { WeftError } from "@weftmesh/core";
import type { HandshakeError } from "@weftmesh/tls";

/** `host:port`, with an IPv6 address in brackets. */
export function showPeer(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** No connection could be made, so nothing was sent. */
export class ConnectError extends WeftError {
  readonly host: string;
  readonly port: number;

  constructor(code: string, message: string, host: string, port: number, cause?: unknown) {
    super(code, message, { flags: ["retryable"], cause });
    this.host = host;
    this.port = port;
  }
}

/** What a socket said when it did not connect. */
export function connectError(host: string, port: number, cause: Error | undefined): ConnectError {
  const peer = showPeer(host, port);
  if (cause !== undefined && Reflect.get(cause, "code") === "ECONNREFUSED") {
    return new ConnectError("WEFT_CONNECT_REFUSED", `${peer} refused the connection`, host, port, cause);
  }
  const why = cause === undefined ? "it was closed" : cause.message;
  return new ConnectError("WEFT_CONNECT_FAILED", `no connection to ${peer}: ${why}`, host, port, cause);
}

export function connectTimeout(host: string, port: number, timeoutMs: number): ConnectError {
  const message = `no connection to ${showPeer(host, port)} within ${timeoutMs} ms`;
  return new ConnectError("WEFT_CONNECT_TIMEOUT", message, host, port);
}

/** TCP was connected and TLS was not: `reason` says why in words. */
export class TlsConnectError extends ConnectError {
  readonly reason: string;

  constructor(host: string, port: number, cause: HandshakeError) {
    super("WEFT_CONNECT_TLS", `no TLS with ${showPeer(host, port)}: ${cause.message}`, host, port, cause);
    this.reason = cause.message;
  }
}

export function handshakeFailed(host: string, port: number, cause: HandshakeError): TlsConnectError {
  return new TlsConnectError(host, port, cause);
}

/** The connection ended under a call: whether the request took effect is not known, unless none of it was sent. */
export class ConnectionLostError extends WeftError {
  constructor(message: string, options: { cause?: unknown; nothingSent?: boolean } = {}) {
    super("WEFT_CONNECTION_LOST", message, {
      flags: options.nothingSent === true ? ["retryable"] : [],
      cause: options.cause,
    });
  }
}

/** The request's own body broke off when the peer had begun to answer: nothing that the peer could have helped. */
export class RequestBrokenError extends WeftError {
  constructor(peer: string, cause: Error) {
    super("WEFT_REQUEST_BROKEN", `the request broke off while ${peer} answered it: ${cause.message}`, {
      flags: ["interrupted", "ignorable"],
      cause,
    });
  }
}

/** A peer answered with what is no response, or one whose end cannot be told for certain. */
export class ResponseError extends WeftError {
  constructor(peer: string, cause: Error) {
    super("WEFT_PROTOCOL_RESPONSE", `${peer} answered with a bad response: ${cause.message}`, {
      flags: ["nonRetryable"],
      cause,
    });
  }
}

/** A request cannot be written in the protocol of the connection; nothing of it was sent. */
export class RequestError extends WeftError {
  constructor(message: string) {
    super("WEFT_PROTOCOL_REQUEST", message, { flags: ["nonRetryable"] });
  }
}
