import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { asError, type Clock } from "@weftmesh/core";
import { closeHttpServer, type Listeners } from "@weftmesh/listeners";
import { escapeLogText } from "@weftmesh/telemetry";
import type { TlsAcceptor } from "@weftmesh/tls";
import { serveOverTls } from "./admin-tls.ts";
import { canonicalPath } from "./canonical-path.ts";
import { type AdminEndpoint, type AdminRequest, type AdminResponse, status, textType } from "./endpoint.ts";
import { AdminListenError } from "./errors.ts";
import type { HandlerTable } from "./handler-table.ts";
import { OriginGuard } from "./origin-guard.ts";
import { type AdminSecurity, allows } from "./security.ts";

export interface AdminAddress {
  readonly host: string;
  readonly port: number;
}

export interface AdminServerOptions {
  readonly ip: string;
  readonly port: number;
  readonly clock: Clock;
  readonly listeners: Listeners;
  readonly table: HandlerTable;
  readonly log: (message: string) => void;
  readonly before: ((path: string) => Promise<void> | undefined) | undefined;
  readonly security: AdminSecurity;
  readonly allowedHosts: readonly string[];
  readonly maxBodyBytes: number;
  /** Plain HTTP when undefined. The server closes it. */
  readonly tls: TlsAcceptor | undefined;
}

/** Path and query together; what needs more is sent as a body. */
const maxTargetChars = 16_384;
const maxConnections = 512;
const get: readonly string[] = ["GET"];

/**
 * A small HTTP server for operators, apart from the data plane.
 *
 * Shape: each request passes, in this order, the limit of its target, the guard against foreign pages, the one form of
 * a path, the security categories, the table of handlers, the methods and the limit of its body.
 */
export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #guard: OriginGuard;
  readonly #server: Server;
  #closed: Promise<void> | undefined;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#guard = new OriginGuard(options);
    this.#server = createServer(
      {
        maxHeaderSize: 2 * maxTargetChars,
        headersTimeout: 10_000,
        requestTimeout: 30_000,
        keepAliveTimeout: 5_000,
        connectionsCheckingInterval: 1_000,
      },
      (req, res) => this.#receive(req, res),
    );
    this.#server.maxConnections = maxConnections;
    if (options.tls !== undefined) serveOverTls(this.#server, options.tls);
    this.#server.on("clientError", (_error, socket) => refuseBytes(socket as Socket));
  }

  async listen(): Promise<AdminAddress> {
    const { ip, port, listeners } = this.#options;
    const bound = await listeners.start(this.#server, { host: ip, port }).catch((cause: unknown) => {
      throw new AdminListenError(`${ip}:${port}`, asError(cause));
    });
    this.#server.on("error", (error) => this.#options.log(`admin: ${escapeLogText(error.message)}`));
    return { host: bound.address, port: bound.port };
  }

  close(graceMs: number): Promise<void> {
    this.#options.tls?.close();
    this.#closed ??= closeHttpServer(this.#server, this.#options.clock, graceMs);
    return this.#closed;
  }

  #receive(req: IncomingMessage, res: ServerResponse): void {
    let refusal: AdminResponse | undefined;
    const target = req.url ?? "";
    const query = target.indexOf("?");
    const path = canonicalPath(query === -1 ? target : target.slice(0, query));
    const { host, origin } = req.headers;
    const method = req.method === "HEAD" ? "GET" : (req.method ?? "");
    let endpoint: AdminEndpoint | undefined;
    if (target.length > maxTargetChars) {
      refusal = status(400, `the request target is longer than ${maxTargetChars} characters`);
    } else if (!this.#guard.allows(host, origin)) {
      refusal = status(403, "this Host or Origin is not the admin server's own");
    } else if (path === undefined || !allows(this.#options.security, path)) {
      refusal = status(404);
    } else {
      endpoint = this.#options.table.find(path);
      if (endpoint === undefined)
        refusal = status(404, "there is no such page; /admin/index.txt lists those there are");
      else refusal = wrongMethod(endpoint, method);
    }
    if (refusal !== undefined || endpoint === undefined || path === undefined) {
      this.#send(req, res, refusal ?? status(404));
      return;
    }
    const found = endpoint;
    const make = (body: string): AdminRequest => ({
      method,
      path,
      query: new URLSearchParams(query === -1 ? "" : target.slice(query + 1)),
      contentType: (req.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "",
      host: host ?? "",
      body,
    });
    if (method === "GET") {
      const before = this.#options.before?.(path);
      if (before === undefined) this.#answer(req, res, found, make(""));
      else void before.then(() => this.#answer(req, res, found, make("")));
      return;
    }
    readBody(req, this.#options.maxBodyBytes, (body) => {
      if (body === undefined) this.#send(req, res, tooLarge(this.#options.maxBodyBytes));
      else this.#answer(req, res, found, make(body));
    });
  }

  #answer(req: IncomingMessage, res: ServerResponse, endpoint: AdminEndpoint, asked: AdminRequest): void {
    let answer: AdminResponse | Promise<AdminResponse>;
    try {
      answer = endpoint.handle(asked);
    } catch (thrown) {
      answer = this.#failed(endpoint, thrown);
    }
    if (!(answer instanceof Promise)) {
      this.#send(req, res, answer);
      return;
    }
    answer.then(
      (each) => this.#send(req, res, each),
      (thrown) => this.#send(req, res, this.#failed(endpoint, thrown)),
    );
  }

  /** What went wrong is for the log: an answer could tell a stranger of it. */
  #failed(endpoint: AdminEndpoint, thrown: unknown): AdminResponse {
    this.#options.log(`admin: ${endpoint.path} failed: ${escapeLogText(asError(thrown).message)}`);
    return status(500, "the page failed; the log says why");
  }

  #send(req: IncomingMessage, res: ServerResponse, answer: AdminResponse): void {
    if (answer.onSent !== undefined) res.once("close", answer.onSent);
    const bytes = Buffer.from(answer.body, "utf8");
    const headers: Record<string, string | number> = {
      "content-type": answer.contentType ?? textType,
      "content-length": bytes.length,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      ...answer.headers,
    };
    try {
      res.writeHead(answer.status ?? 200, headers);
      res.end(req.method === "HEAD" ? undefined : bytes);
    } catch (thrown) {
      this.#options.log(`admin: an answer could not be sent: ${escapeLogText(asError(thrown).message)}`);
      res.destroy();
    }
  }
}

function wrongMethod(endpoint: AdminEndpoint, method: string): AdminResponse | undefined {
  const methods = endpoint.methods ?? get;
  if (methods.includes(method)) return undefined;
  const allow = methods.includes("GET") ? [...methods, "HEAD"] : methods;
  return { ...status(405, `use ${methods.join(" or ")}`), headers: { allow: allow.join(", ") } };
}

function tooLarge(maxBytes: number): AdminResponse {
  return status(413, `the body is longer than ${maxBytes} bytes`);
}

/** The whole body as text; undefined, once, when it is too long. Nothing, when the connection is lost. */
function readBody(req: IncomingMessage, maxBytes: number, done: (body: string | undefined) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  if (Number(req.headers["content-length"] ?? 0) > maxBytes) {
    done(undefined);
    return;
  }
  req.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      // What still comes is read and dropped: a connection closed before would take the answer with it.
      req.removeAllListeners("data").removeAllListeners("end").resume();
      done(undefined);
      return;
    }
    chunks.push(chunk);
  });
  req.on("end", () => done(Buffer.concat(chunks).toString("utf8")));
}

/** An answer to bytes that are no request that this server takes, a head beyond all limits among them. */
function refuseBytes(socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}
