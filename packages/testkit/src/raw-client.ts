import { connect, type Socket } from "node:net";

interface Waiting {
  readonly holds: () => boolean;
  readonly resolve: () => void;
}

/** Sends bytes as they are, and keeps what comes back. */
export class RawClient {
  readonly socket: Socket;
  /** In latin1. */
  text = "";
  closed = false;
  error: Error | undefined = undefined;
  /** The server said that it sends no more. */
  ended = false;
  readonly #waiting: Waiting[] = [];

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    this.socket.on("data", (bytes) => {
      this.text += bytes.toString("latin1");
      this.#check();
    });
    this.socket.on("error", (error) => {
      this.error = error;
    });
    this.socket.on("end", () => {
      this.ended = true;
      this.socket.end();
      this.#check();
    });
    this.socket.on("close", () => {
      this.closed = true;
      this.#check();
    });
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    return this;
  }

  async until(holds: () => boolean): Promise<this> {
    if (!holds()) await new Promise<void>((resolve) => this.#waiting.push({ holds, resolve }));
    return this;
  }

  /** Resolves when the connection is gone. */
  gone(): Promise<this> {
    return this.until(() => this.closed);
  }

  /** The status of each response so far. */
  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }

  destroy(): void {
    this.socket.destroy();
  }

  #check(): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const { holds, resolve } = this.#waiting[i] as Waiting;
      if (!holds()) continue;
      this.#waiting.splice(i, 1);
      resolve();
    }
  }
}
