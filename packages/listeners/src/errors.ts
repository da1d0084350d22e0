import { WeftError } from "@weftmesh/core";

/** An address cannot be listened on. */
export class ListenError extends WeftError {
  readonly host: string;
  readonly port: number;

  constructor(host: string, port: number, cause: NodeJS.ErrnoException) {
    const why = cause.code === "EADDRINUSE" ? "the port is in use" : cause.message;
    super("WEFT_LISTEN", `cannot listen on ${host.includes(":") ? `[${host}]` : host}:${port}: ${why}`, { cause });
    this.host = host;
    this.port = port;
  }
}

/** What the environment says of inherited sockets makes no sense. */
export class InheritedSocketError extends WeftError {
  constructor(message: string, cause?: unknown) {
    super("WEFT_INHERITED_SOCKET", message, { cause });
  }
}
