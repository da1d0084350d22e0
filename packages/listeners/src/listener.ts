import type { Socket } from "node:net";

/** What a listener needs of a `net.Server`. */
export interface ListeningServer {
  on(event: "connection", listener: (socket: Socket) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  close(): unknown;
}

/** Who takes the connections of a listener. */
export interface Acceptor {
  /** The socket is paused. */
  accept(socket: Socket): void;
  /** A connection could not be accepted, as when there are no file descriptors left. */
  acceptFailed(error: Error): void;
  /** Connections that it has open, if it can tell. */
  readonly connections?: number;
}

/** A socket that listens, with whoever takes its connections at the time. */
export class Listener {
  readonly host: string;
  readonly port: number;
  readonly #server: ListeningServer;
  readonly #closed: () => void;
  #acceptor: Acceptor | undefined = undefined;
  /** What came while nobody took it. */
  #waiting: Socket[] = [];

  /** `server` listens already. */
  constructor(host: string, port: number, server: ListeningServer, closed: () => void) {
    this.host = host;
    this.port = port;
    this.#server = server;
    this.#closed = closed;
    server.on("connection", (socket) => {
      if (this.#acceptor === undefined) this.#waiting.push(socket);
      else this.#acceptor.accept(socket);
    });
    server.on("error", (error) => this.#acceptor?.acceptFailed(error));
  }

  /** Has nobody to take its connections: they wait. */
  get isFree(): boolean {
    return this.#acceptor === undefined;
  }

  /** Connections that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** New connections go to `acceptor` from now on, and those that waited do at once. Gives whoever took them before. */
  handTo(acceptor: Acceptor): Acceptor | undefined {
    const before = this.#acceptor;
    this.#acceptor = acceptor;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const socket of waiting) acceptor.accept(socket);
    return before;
  }

  /** `acceptor` takes no more. The socket closes with it, unless the connections go to somebody else by now. */
  release(acceptor: Acceptor): void {
    if (this.#acceptor === acceptor) this.close();
  }

  /** Accepts no more. Whoever took connections keeps those that it has. */
  close(): void {
    this.#acceptor = undefined;
    for (const socket of this.#waiting) socket.destroy();
    this.#waiting = [];
    this.#server.close();
    this.#closed();
  }
}
