import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { asError, type Clock, WeftError } from "@weftmesh/core";
import type { SocketAddress } from "@weftmesh/http";
import { closeHttpServer, type Listeners } from "@weftmesh/listeners";
import type { Dtab } from "@weftmesh/naming";
import type { Router } from "@weftmesh/router";

/** A router whose identifiers are asked, and the rules that its names go through. */
export interface IdentifiedRouter {
  readonly router: Router;
  readonly baseDtab: Dtab;
}

export interface IdentifierServerOptions {
  readonly ip: string;
  /** 0 for any. */
  readonly port: number;
  readonly clock: Clock;
  readonly listeners: Listeners;
  /** Those there are now. */
  routers(): readonly IdentifiedRouter[];
}

/** `httpIdentifierPort` cannot be had. */
export class IdentifierListenError extends WeftError {
  constructor(address: string, cause: Error) {
    super("WEFT_IDENTIFIER_LISTEN", `httpIdentifierPort cannot listen on ${address}: ${cause.message}`, { cause });
  }
}

/** What the identifiers of one router make of a request. */
type Identified = { readonly path: string; readonly dtab: string } | { readonly error: string };

/**
 * Answers any request with what the identifiers of every router would call it: `{"http": {"path": ..., "dtab": ...}}`,
 * or `{"http": {"error": ...}}` where they have no name for it. The request goes nowhere.
 */
export class IdentifierServer {
  readonly #options: IdentifierServerOptions;
  readonly #server: Server;
  #closed: Promise<void> | undefined;

  constructor(options: IdentifierServerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        maxHeaderSize: 32_768,
        headersTimeout: 10_000,
        requestTimeout: 30_000,
        keepAliveTimeout: 5_000,
        connectionsCheckingInterval: 1_000,
        // What becomes of a request without `Host` is a question that this server is asked.
        requireHostHeader: false,
      },
      (req, res) => this.#receive(req, res),
    );
    this.#server.maxConnections = 128;
  }

  /** Errors: `WEFT_IDENTIFIER_LISTEN`. */
  async listen(): Promise<SocketAddress> {
    const { ip, port, listeners } = this.#options;
    const bound = await listeners.start(this.#server, { host: ip, port }).catch((cause: unknown) => {
      throw new IdentifierListenError(`${ip}:${port}`, asError(cause));
    });
    return { host: bound.address, port: bound.port };
  }

  /** What is still open after the grace is cut off. */
  close(graceMs: number): Promise<void> {
    this.#closed ??= closeHttpServer(this.#server, this.#options.clock, graceMs);
    return this.#closed;
  }

  #receive(req: IncomingMessage, res: ServerResponse): void {
    req.resume();
    const asked = this.#options.routers().map(async (each) => [each.router.label, await identify(each, req)] as const);
    Promise.all(asked).then(
      (found) => send(res, 200, JSON.stringify(Object.fromEntries(found))),
      (thrown) => send(res, 500, JSON.stringify({ error: asError(thrown).message })),
    );
  }
}

async function identify({ router, baseDtab }: IdentifiedRouter, req: IncomingMessage): Promise<Identified> {
  try {
    const identification = await router.identify?.({
      version: req.httpVersion === "1.0" ? "1.0" : "1.1",
      method: req.method ?? "GET",
      target: req.url ?? "/",
      headers: req.rawHeaders,
    });
    if (identification === undefined) return { error: "this router cannot tell" };
    if (identification.kind === "unidentified") return { error: identification.reason };
    return { path: identification.dst.show, dtab: baseDtab.concat(identification.dtab).show };
  } catch (thrown) {
    return { error: asError(thrown).message };
  }
}

function send(res: ServerResponse, status: number, body: string): void {
  res.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  res.end(body);
}
