import { createServer, METHODS, type Server } from "node:http";
import { Duplex } from "node:stream";
import { settle } from "@weftmesh/testkit";

/** A request as Node's own parser, llhttp, reads it. */
export interface Parsed {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

class Pipe extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

export function isKnownMethod(method: string): boolean {
  return METHODS.includes(method);
}

/** Node's HTTP server without a network, in its default, strict mode. */
export class Llhttp {
  readonly #server: Server;
  #seen: Parsed[] = [];

  constructor() {
    this.#server = createServer({ requireHostHeader: false, keepAliveTimeout: 0, requestTimeout: 0 }, (req, res) => {
      const chunks: Buffer[] = [];
      req.on("data", (chunk: Buffer) => chunks.push(chunk));
      req.on("error", () => {});
      req.on("end", () => {
        this.#seen.push({
          method: req.method ?? "",
          target: req.url ?? "",
          version: req.httpVersion,
          headers: req.rawHeaders,
          body: Buffer.concat(chunks).toString("latin1"),
          trailers: req.rawTrailers,
        });
        res.end();
      });
    });
    this.#server.headersTimeout = 0;
    // Not destroyed: what came whole before the error still counts.
    this.#server.on("clientError", () => {});
    this.#server.on("connect", (_req, socket) => socket.destroy());
    this.#server.on("checkExpectation", (_req, res) => res.writeHead(417).end());
  }

  /** The requests that came to their end. */
  async parse(bytes: Buffer): Promise<Parsed[]> {
    this.#seen = [];
    const pipe = new Pipe();
    pipe.on("error", () => {});
    this.#server.emit("connection", pipe);
    // A copy: llhttp hands out slices of what it is given.
    pipe.push(Buffer.from(bytes));
    for (let i = 0; i < 6; i++) await settle();
    pipe.destroy();
    return this.#seen;
  }

  close(): void {
    this.#server.close();
  }
}
