import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  type ClientSessionRequestOptions,
  connect,
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from "node:http2";
import type { AddressInfo } from "node:net";
import type { Target } from "./raw-http.ts";

export type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, n: number) => void;

/** An HTTP/2 server of Node's on a free port, which remembers what it was asked. */
export class H2Backend {
  readonly received: IncomingHttpHeaders[] = [];
  readonly streams: ServerHttp2Stream[] = [];
  readonly sessions: ServerHttp2Session[] = [];
  /** Of each stream that was reset by the client, its code. */
  readonly resets: number[] = [];
  readonly server: Http2Server | Http2SecureServer;

  private constructor(onStream: OnStream, options: ServerOptions, secure: SecureServerOptions | undefined) {
    this.server = secure === undefined ? createServer(options) : createSecureServer({ ...options, ...secure });
    this.server.on("session", (session) => {
      this.sessions.push(session);
      session.on("error", () => {});
    });
    this.server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      this.received.push(headers);
      this.streams.push(stream);
      stream.on("error", () => {});
      stream.on("close", () => {
        if (stream.rstCode !== 0) this.resets.push(stream.rstCode);
      });
      onStream(stream, headers, this.received.length);
    });
    this.server.on("sessionError", () => {});
  }

  static start(onStream: OnStream, options: ServerOptions = {}, secure?: SecureServerOptions): Promise<H2Backend> {
    const backend = new H2Backend(onStream, options, secure);
    return new Promise((resolve) => backend.server.listen(0, "127.0.0.1", () => resolve(backend)));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Connections that are open. */
  get openSessions(): number {
    return this.sessions.filter((each) => !each.destroyed).length;
  }

  stop(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

/** What came of one request. */
export interface H2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: Buffer;
  /** 0 for a stream that came to its end. */
  readonly rstCode: number;
}

/** A client of Node's on one connection. */
export class H2Client {
  readonly session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on("error", () => {});
  }

  static async connect(
    { ip, port }: Target,
    options: ClientSessionOptions | SecureClientSessionOptions = {},
    scheme: "http" | "https" = "http",
  ): Promise<H2Client> {
    const session = connect(`${scheme}://${ip}:${port}`, options);
    await new Promise<void>((resolve, reject) => {
      session.once("remoteSettings", () => resolve());
      session.once("error", reject);
    });
    return new H2Client(session);
  }

  /** A stream that the test drives. */
  open(headers: OutgoingHttpHeaders, options: ClientSessionRequestOptions = {}): ClientHttp2Stream {
    const stream = this.session.request({ ":authority": "web", ":path": "/", ...headers }, options);
    stream.on("error", () => {});
    return stream;
  }

  /** One request, and what became of it. */
  ask(headers: OutgoingHttpHeaders = {}, body?: string | Buffer, trailers?: OutgoingHttpHeaders): Promise<H2Answer> {
    const stream = this.open(headers, { endStream: body === undefined, waitForTrailers: trailers !== undefined });
    if (trailers !== undefined) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    if (body !== undefined) stream.end(body);
    return answerOf(stream);
  }

  close(): void {
    this.session.destroy();
  }
}

/** What a stream is answered with, when it is over. */
export function answerOf(stream: ClientHttp2Stream): Promise<H2Answer> {
  return new Promise((resolve) => {
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders | undefined;
    const chunks: Buffer[] = [];
    stream.on("response", (found) => {
      headers = found;
    });
    stream.on("trailers", (found) => {
      trailers = found;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("close", () => {
      resolve({
        status: Number(headers[":status"] ?? 0),
        headers,
        trailers,
        body: Buffer.concat(chunks),
        rstCode: stream.rstCode ?? 0,
      });
    });
  });
}

/** The codes of RFC 9113 section 7 by their names. */
export const Rst: { readonly [K in "refused" | "cancel" | "internal" | "protocol"]: number } = {
  refused: constants.NGHTTP2_REFUSED_STREAM,
  cancel: constants.NGHTTP2_CANCEL,
  internal: constants.NGHTTP2_INTERNAL_ERROR,
  protocol: constants.NGHTTP2_PROTOCOL_ERROR,
};

/** Reads all of a stream that somebody sent. */
export function bodyOf(stream: ServerHttp2Stream): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => resolve(Buffer.concat(chunks)));
    stream.on("error", reject);
  });
}
