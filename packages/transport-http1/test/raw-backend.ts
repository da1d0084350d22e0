import { createServer, type Server, type Socket } from "node:net";

/** A connection of a scripted backend. */
export class RawConnection {
  readonly socket: Socket;
  received = "";
  closed = false;
  ended = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes) => {
      this.received += bytes.toString("latin1");
    });
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("close", () => {
      this.closed = true;
    });
    socket.on("error", () => {});
  }

  /** Requests whose head has come. */
  get heads(): number {
    return this.received.split("\r\n\r\n").length - 1;
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  end(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** A server that says what a test tells it to, byte for byte. */
export class RawBackend {
  readonly connections: RawConnection[] = [];
  /** Called with each connection when its next request's head is there. */
  onRequest: (connection: RawConnection, n: number) => void = () => {};
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      socket.allowHalfOpen = true;
      const connection = new RawConnection(socket);
      this.connections.push(connection);
      let seen = 0;
      socket.on("data", () => {
        while (seen < connection.heads) this.onRequest(connection, seen++);
      });
    });
  }

  static async start(): Promise<RawBackend> {
    const server = createServer({ allowHalfOpen: true });
    const backend = new RawBackend(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return backend;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new TypeError("the backend does not listen");
    return address.port;
  }

  /** Connections that the peer has not closed. */
  get open(): number {
    return this.connections.filter((each) => !each.closed && !each.ended).length;
  }

  async close(): Promise<void> {
    for (const each of this.connections) each.socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
