import { createServer, type Server, type ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Duplex } from "node:stream";
import { type ConnectionOptions, connect, createSecureContext, TLSSocket } from "node:tls";
import type { Received } from "./backend.ts";
import type { Answer, Target } from "./raw-http.ts";

/** A certificate with its key, both PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** An HTTPS server of Node's on a free port, which remembers what it was asked. */
export class TlsBackend {
  readonly received: Received[] = [];
  handshakes = 0;
  resumed = 0;
  readonly server: Server;

  private constructor(options: ServerOptions, body: string) {
    this.server = createServer(options, (req, res) => {
      this.received.push({ method: req.method ?? "", url: req.url ?? "", headers: req.headers, body: "" });
      req.resume();
      res.end(body);
    });
    this.server.keepAliveTimeout = 60_000;
    this.server.on("secureConnection", (socket) => {
      this.handshakes++;
      if (socket.isSessionReused()) this.resumed++;
    });
    this.server.on("tlsClientError", () => {});
  }

  static start(pair: Pair, body = "ok", options: ServerOptions = {}): Promise<TlsBackend> {
    const backend = new TlsBackend({ cert: pair.cert, key: pair.key, ...options }, body);
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

const sessions: WeakMap<TLSSocket, Buffer> = new WeakMap();

/** The last session that the server gave for a connection. */
export function sessionOf(socket: TLSSocket): Buffer | undefined {
  return sessions.get(socket);
}

/** Shakes hands. Fails with the error of the handshake, or of what came right behind it. */
export function shake(to: Target, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: to.ip,
      port: to.port,
      checkServerIdentity: () => undefined,
      ...(options.ca === undefined ? { rejectUnauthorized: false } : {}),
      ...options,
    });
    socket.on("session", (session: Buffer) => sessions.set(socket, session));
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed within the handshake")));
  });
}

/** One request over TLS on a connection of its own. */
export async function askTls(
  to: Target,
  options: ConnectionOptions = {},
  head = "GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n",
): Promise<Answer> {
  const socket = await shake(to, options);
  return new Promise((resolve, reject) => {
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => {
      const [first = "", body = ""] = text.split("\r\n\r\n");
      const [line = "", ...lines] = first.split("\r\n");
      const headers = Object.fromEntries(
        lines.map((each) => [each.slice(0, each.indexOf(":")).toLowerCase(), each.slice(each.indexOf(":") + 1).trim()]),
      );
      const status = Number(line.split(" ")[1] ?? 0);
      if (status === 0) reject(new Error("closed without an answer"));
      else resolve({ status, headers, body });
    });
    socket.write(`${head}\r\n`);
  });
}

/** The fields of a ClientHello of TLS 1.2 with a server name of any length, as one record or more. */
export function clientHello(serverName: string): Buffer {
  const name = Buffer.from(serverName, "latin1");
  const entry = Buffer.concat([Buffer.from([0]), length2(name), name]);
  const list = Buffer.concat([length2(entry), entry]);
  const sni = Buffer.concat([Buffer.from([0, 0]), length2(list), list]);
  const groups = Buffer.from([0, 10, 0, 4, 0, 2, 0, 23]);
  const signatures = Buffer.from([0, 13, 0, 4, 0, 2, 4, 3]);
  const extensions = Buffer.concat([sni, groups, signatures]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0, 0, 2, 0xc0, 0x2b, 1, 0]),
    length2(extensions),
    extensions,
  ]);
  return Buffer.concat([Buffer.from([1, 0]), length2(body), body]);
}

/** A handshake message in records of so many bytes. */
export function inRecords(message: Buffer, bytes: number): Buffer {
  const records: Buffer[] = [];
  for (let i = 0; i < message.length; i += bytes) {
    const part = message.subarray(i, i + bytes);
    records.push(Buffer.concat([Buffer.from([22, 3, 1]), length2(part), part]));
  }
  return Buffer.concat(records);
}

function length2(bytes: Buffer): Buffer {
  return Buffer.from([bytes.length >> 8, bytes.length & 255]);
}

/** The server's end of TLS over a connection that can be ended below it, as TLS itself would not. */
export function tlsOver(raw: Socket, pair: Pair): TLSSocket {
  const wire = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => void raw.write(chunk, () => done()),
  });
  raw.on("data", (chunk: Buffer) => wire.push(chunk));
  raw.on("error", () => {});
  const secureContext = createSecureContext({ cert: pair.cert, key: pair.key });
  const socket = new TLSSocket(wire, { isServer: true, secureContext });
  socket.on("error", () => {});
  return socket;
}
