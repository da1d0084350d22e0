import { type AddressInfo, createServer, type ListenOptions as NodeListenOptions, type Server } from "node:net";
import { type Param, param } from "@weftmesh/core";
import { ListenError } from "./errors.ts";
import type { InheritedSocket } from "./inherited.ts";
import { type Acceptor, Listener } from "./listener.ts";

export interface ListenOptions {
  /** An address; `0.0.0.0` and `::` are all. */
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  /** Connections that wait to be accepted; 511 if not given. */
  readonly backlog?: number;
  /** Sockets of several processes share the port; Node has it from version 23 on. */
  readonly reusePort?: boolean;
}

/** A socket that listens, as a process to come is to know it. */
export interface ListeningSocket {
  /** As it was asked for. */
  readonly host: string;
  readonly port: number;
  readonly fd: number;
}

/** What may wait in an accepted socket before its writer is told to stop. */
const highWaterMark = 65_536;

/** Where the connections of every listener go in place of its acceptor: another process. `handle` is Node's own. */
export type ConnectionRoute = (handle: unknown, key: string) => void;

/** Names addresses alike in every process which asks for the same ones in the same order. */
export class AddressKeys {
  #free = 0;

  /** Each free port is another address. */
  keyOf({ host, port }: ListenOptions): string {
    return port === 0 ? `${host} 0#${++this.#free}` : keyOf(host, port);
  }
}

/**
 * The listening sockets of a process, by address.
 *
 * Shape: a server asks for its address and takes the connections. A server that comes after it, as when the config is
 * read again, asks for the same address and takes them from then on: the socket itself never closes. Sockets that the
 * process was started with are used where their address is asked for.
 */
export class Listeners {
  readonly #inherited: InheritedSocket[];
  readonly #open = new Map<string, Promise<Listener>>();
  readonly #listening = new Set<Listener>();
  /** Everything that listens, with the address that it was asked for. */
  readonly #servers = new Map<Server, ListenOptions>();
  #takenNow = new Set<Listener>();

  readonly #route: ConnectionRoute | undefined;
  readonly #keys = new AddressKeys();

  /** With a `route`, no acceptor is ever given a connection here. */
  constructor(inherited: readonly InheritedSocket[] = [], route?: ConnectionRoute) {
    this.#inherited = [...inherited];
    this.#route = route;
  }

  /** All that listens and can be handed to another process. */
  get sockets(): readonly ListeningSocket[] {
    return [...this.#servers].flatMap(([server, { host, port }]) => {
      const fd = descriptorOf(server);
      return fd === undefined || port === 0 ? [] : [{ host, port, fd }];
    });
  }

  /** Inherited sockets that nobody has asked for so far. */
  get unclaimed(): readonly InheritedSocket[] {
    return this.#inherited;
  }

  /** From now on, addresses that are in use may be taken over, each once. */
  beginTakeover(): void {
    this.#takenNow = new Set();
  }

  /**
   * The listener of an address: bound now, unless it was before. Connections wait in it until somebody takes them.
   *
   * Errors: `WEFT_LISTEN`, with the address and the cause.
   */
  reserve(options: ListenOptions): Promise<Listener> {
    const key = this.#keys.keyOf(options);
    const open = options.port === 0 ? undefined : this.#open.get(key);
    if (open !== undefined) return open;
    const listening = this.#bind(options, key);
    if (options.port === 0) return listening;
    this.#open.set(key, listening);
    listening.catch(() => this.#open.delete(key));
    return listening;
  }

  /**
   * Takes the connections of an address, from whoever has taken them so far. Resolves with whom that was.
   *
   * Errors: as `reserve`; and two servers of the same config cannot have one address.
   */
  async take(
    options: ListenOptions,
    acceptor: Acceptor,
  ): Promise<{ listener: Listener; before: Acceptor | undefined }> {
    const listener = await this.reserve(options);
    if (this.#takenNow.has(listener)) throw new ListenError(options.host, options.port, inUse());
    this.#takenNow.add(listener);
    return { listener, before: listener.handTo(acceptor) };
  }

  /** For a server of Node's own, such as one of `node:http`: listens on the inherited socket where there is one. Errors: the cause itself. */
  async start(server: Server, options: ListenOptions): Promise<AddressInfo> {
    const inherited = this.#inheritedFor(options);
    await started(server, inherited === undefined ? ours(options) : { fd: inherited.fd });
    this.#servers.set(server, options);
    server.once("close", () => this.#servers.delete(server));
    return server.address() as AddressInfo;
  }

  /** Closes those that nobody takes connections from. */
  closeFree(): void {
    for (const listener of this.#listening) if (listener.isFree) listener.close();
  }

  async #bind(options: ListenOptions, routeKey: string): Promise<Listener> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, highWaterMark });
    let bound: AddressInfo;
    try {
      bound = await this.start(server, options);
    } catch (cause) {
      throw new ListenError(options.host, options.port, cause as NodeJS.ErrnoException);
    }
    const key = keyOf(options.host, bound.port);
    if (this.#route !== undefined) routeConnections(server, routeKey, this.#route);
    const listener: Listener = new Listener(bound.address, bound.port, server, () => {
      this.#listening.delete(listener);
      this.#takenNow.delete(listener);
      this.#servers.delete(server);
      this.#open.delete(key);
    });
    this.#listening.add(listener);
    this.#open.set(key, Promise.resolve(listener));
    return listener;
  }

  #inheritedFor({ host, port }: ListenOptions): InheritedSocket | undefined {
    const at = this.#inherited.findIndex((each) => each.host === host && each.port === port);
    return at < 0 ? undefined : this.#inherited.splice(at, 1)[0];
  }
}

function inUse(): NodeJS.ErrnoException {
  return Object.assign(new Error("another server of this process has it"), { code: "EADDRINUSE" });
}

/** Takes the connections as handles, before Node makes sockets of them. */
function routeConnections(server: Server, key: string, route: ConnectionRoute): void {
  const { _handle: listening } = server as unknown as {
    readonly _handle: { onconnection: (status: number, handle: unknown) => void };
  };
  const failed = (status: number): Error => Object.assign(new Error(`accept failed with ${status}`), { errno: status });
  listening.onconnection = (status, handle) => {
    if (status < 0) server.emit("error", failed(status));
    else route(handle, key);
  };
}

function descriptorOf(server: Server): number | undefined {
  const { fd } = (server as unknown as { readonly _handle: { readonly fd?: number } | null })._handle ?? {};
  return fd !== undefined && fd >= 0 ? fd : undefined;
}

function ours({ host, port, backlog, reusePort }: ListenOptions): NodeListenOptions {
  const options: NodeListenOptions & { reusePort?: boolean } = { host, port };
  if (backlog !== undefined) options.backlog = backlog;
  if (reusePort === true) options.reusePort = true;
  return options;
}

function started(server: Server, how: NodeListenOptions & { readonly fd?: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(how, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

const keyOf = (host: string, port: number): string => `${host} ${port}`;

/** The listening sockets of the process; a server that is given none has its own. */
export const ListenersParam: Param<Listeners | undefined> = param<Listeners | undefined>(
  "listeners",
  undefined,
  () => undefined,
);
