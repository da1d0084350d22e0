import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import type { Clock, Timer } from "@weftmesh/core";
import { type Acceptor, AddressKeys, Listener, Listeners, type ListenOptions } from "@weftmesh/listeners";

/** Connections that are open are counted so often at most. */
const countMs = 250;

class FedServer extends EventEmitter {
  close(): void {}
}

/**
 * The listeners of a worker: the supervisor has the sockets, and hands over connections.
 *
 * Shape: `took` hears how many connections were taken so far and how many are open, after each turn of the event loop
 * in which one came and, at most four times a second, when the number of open ones has changed.
 */
export class FedListeners extends Listeners {
  readonly #clock: Clock;
  readonly #took: (taken: number, open: number) => void;
  readonly #fed = new Map<string, { readonly server: FedServer; readonly listener: Listener }>();
  readonly #keys = new AddressKeys();
  readonly #acceptors = new Map<Listener, Acceptor>();
  #taken = 0;
  #told = { taken: 0, open: 0 };
  #timer: Timer | undefined = undefined;
  #telling = false;

  constructor(clock: Clock, took: (taken: number, open: number) => void) {
    super();
    this.#clock = clock;
    this.#took = took;
  }

  override reserve(options: ListenOptions): Promise<Listener> {
    return Promise.resolve(this.#at(this.#keys.keyOf(options)).listener);
  }

  override async take(
    options: ListenOptions,
    acceptor: Acceptor,
  ): Promise<{ listener: Listener; before: Acceptor | undefined }> {
    const taken = await super.take(options, acceptor);
    this.#acceptors.set(taken.listener, acceptor);
    return taken;
  }

  override closeFree(): void {
    for (const [key, { listener }] of this.#fed) if (listener.isFree) this.#fed.delete(key);
  }

  /** A connection has come, with Node's handle of it. */
  feed(handle: unknown, to: string): void {
    const socket = new Socket({
      handle,
      allowHalfOpen: true,
      pauseOnCreate: true,
      readable: true,
      writable: true,
    } as object);
    // Before somebody else hears of it: a fault of one connection is not one of the process.
    socket.on("error", () => {});
    this.#taken++;
    this.#at(to).server.emit("connection", socket);
    if (this.#telling) return;
    this.#telling = true;
    // Behind all that the channel has brought in this turn.
    queueMicrotask(() => {
      this.#telling = false;
      this.#tell();
    });
  }

  /** Connections that are open now. */
  get open(): number {
    let open = 0;
    for (const { connections = 0 } of this.#acceptors.values()) open += connections;
    return open;
  }

  #at(key: string): { readonly server: FedServer; readonly listener: Listener } {
    const known = this.#fed.get(key);
    if (known !== undefined) return known;
    const server = new FedServer();
    const [host = "", port = "0"] = key.split(" ");
    const listener = new Listener(host, Number(port), server, () => {
      this.#acceptors.delete(listener);
      if (this.#fed.get(key)?.listener === listener) this.#fed.delete(key);
    });
    const made = { server, listener };
    this.#fed.set(key, made);
    return made;
  }

  #tell(): void {
    const { open } = this;
    if (this.#taken !== this.#told.taken || open !== this.#told.open) {
      this.#told = { taken: this.#taken, open };
      this.#took(this.#taken, open);
    }
    if (open === 0) return;
    this.#timer ??= this.#clock.after(countMs, () => {
      this.#timer = undefined;
      this.#tell();
    });
  }
}
