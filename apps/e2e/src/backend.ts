import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** A plain HTTP server of Node's on a free port, which remembers what it was asked. */
export class Backend {
  readonly received: Received[] = [];
  connections = 0;
  readonly server: Server;

  private constructor(handle: (req: IncomingMessage, res: ServerResponse, body: string) => void) {
    this.server = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on("data", (chunk: Buffer) => chunks.push(chunk));
      req.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        this.received.push({ method: req.method ?? "", url: req.url ?? "", headers: req.headers, body });
        handle(req, res, body);
      });
    });
    this.server.keepAliveTimeout = 60_000;
    this.server.on("connection", () => this.connections++);
  }

  static start(
    handle: (req: IncomingMessage, res: ServerResponse, body: string) => void = (_req, res) => res.end("ok"),
  ): Promise<Backend> {
    const backend = new Backend(handle);
    return new Promise((resolve) => backend.server.listen(0, "127.0.0.1", () => resolve(backend)));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
