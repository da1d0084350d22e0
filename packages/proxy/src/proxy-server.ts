import type { Admin, ProcessPhase, ReloadAnswer } from "@weftmesh/admin";
import type { SocketAddress } from "@weftmesh/http";
import type { Logger } from "@weftmesh/telemetry";
import type { LiveProxy, ProcessParts, RunnableProxy } from "./built-proxy.ts";
import { exposureWarnings } from "./exposure-warnings.ts";
import type { IdentifierServer } from "./identifier-server.ts";
import type { Reloader } from "./reloader.ts";
import type { ServiceManager } from "./service-manager.ts";
import { version } from "./version.ts";

interface Closable {
  close(): Promise<void>;
}

/** Where a running proxy listens. */
export interface ProxyAddresses {
  readonly admin: SocketAddress;
  /** Of `httpIdentifierPort`; undefined when the config has none. */
  readonly identifier: SocketAddress | undefined;
  readonly servers: readonly { readonly label: string; readonly address: SocketAddress }[];
}

export interface ProxyServerParts {
  readonly admin: Admin;
  readonly reloader: Reloader;
  readonly identifier: IdentifierServer | undefined;
  readonly parts: ProcessParts;
}

/** A proxy that was built, to be run once. */
export class ProxyServer {
  readonly #live: LiveProxy;
  readonly #admin: Admin;
  readonly #reloader: Reloader;
  readonly #identifier: IdentifierServer | undefined;
  readonly #parts: ProcessParts;
  readonly #log: Logger;
  #manager: ServiceManager | undefined;
  #telemetry: readonly Closable[] = [];
  #addresses: ProxyAddresses | undefined;
  #starting: Promise<ProxyAddresses> | undefined;
  #started: Promise<ProxyAddresses> | undefined;
  #closed: Promise<void> | undefined;
  #ended: () => void = () => {};
  readonly #end: Promise<void> = new Promise((resolve) => {
    this.#ended = resolve;
  });

  constructor(live: LiveProxy, { admin, reloader, identifier, parts }: ProxyServerParts) {
    this.#live = live;
    this.#parts = parts;
    this.#admin = admin;
    this.#reloader = reloader;
    this.#identifier = identifier;
    this.#log = live.current.logs.root;
  }

  /** What runs now; another one after a reload. */
  get built(): RunnableProxy {
    return this.#live.current;
  }

  get phase(): ProcessPhase {
    if (this.#closed !== undefined) return "draining";
    return this.#addresses === undefined ? "starting" : "ready";
  }

  /** Where it listens; undefined until it does. */
  get addresses(): ProxyAddresses | undefined {
    return this.#addresses;
  }

  /** Starts it, and resolves when it has ended. Errors: as `start`. */
  async run(): Promise<void> {
    await this.start();
    await this.#end;
  }

  /**
   * Admin first, then the telemeters, then the routers. Resolves when every port is bound.
   *
   * Errors: `WEFT_ADMIN_LISTEN`, `WEFT_IDENTIFIER_LISTEN`, `WEFT_LISTEN`; what had been started is closed again.
   */
  start(): Promise<ProxyAddresses> {
    if (this.#started !== undefined) return this.#started;
    this.#starting = this.#start();
    this.#started = this.#starting.catch(async (error: unknown) => {
      await this.close(0);
      throw error;
    });
    return this.#started;
  }

  /**
   * Refuses new work and lets what is under way finish: routers, then telemeters, then admin. A start that is under
   * way comes to its end first: a port that it binds would stay open otherwise.
   */
  close(graceMs: number = this.built.config.admin.shutdownGraceMs): Promise<void> {
    if (this.#closed === undefined) {
      this.#manager?.stopping();
      this.#closed = this.#close(graceMs);
    }
    return this.#closed;
  }

  /**
   * Takes on another config while requests go on: all of it or nothing. What has not changed is not touched; servers
   * with an address that was there before take it over with its connections; what was removed finishes what it has.
   */
  async reload(readText: () => string): Promise<ReloadAnswer> {
    await this.start();
    if (this.#closed !== undefined) return { kind: "refused", message: "the process is ending", needsRestart: false };
    this.#manager?.reloading();
    const answer = await this.#reloader.reload(readText);
    this.#manager?.reloaded(answer.kind === "refused" ? "serving; the last config was refused" : "serving");
    return answer;
  }

  /** Tells it that the process serves, and whatever follows; undefined once another process is to do so. */
  tell(manager: ServiceManager | undefined): void {
    this.#manager?.close();
    this.#manager = manager;
    manager?.ready();
  }

  async #start(): Promise<ProxyAddresses> {
    const { linked, metrics, shownMetrics, config, listeners } = this.built;
    this.#log.info(`weftmesh ${version} (linkerd 1.x configuration) on node ${process.version}`);
    for (const warning of exposureWarnings(config)) this.#log.warning(warning);
    const admin = await this.#admin.listen();
    this.#log.info(`serving http admin on /${show(admin)}`);
    const identifier = await this.#identifier?.listen();
    if (identifier !== undefined) this.#log.info(`serving http identifier on /${show(identifier)}`);
    this.#telemetry = [
      metrics.start(),
      ...linked.telemeters.map((telemeter) => telemeter.run({ metrics: shownMetrics })),
    ];
    await this.#parts.starting?.();
    const servers: { label: string; address: SocketAddress }[] = [];
    for (const { router } of linked.routers) {
      for (const { address } of await router.listen()) {
        servers.push({ label: router.label, address });
        this.#log.info(`serving ${router.label} on /${show(address)}`);
      }
    }
    for (const { host, port, fd } of listeners.unclaimed) {
      this.#log.warning(`descriptor ${fd} listens on ${host}:${port}, which no server of the config asks for`);
    }
    this.#addresses = { admin, identifier, servers };
    this.#log.info("initialized");
    return this.#addresses;
  }

  async #close(graceMs: number): Promise<void> {
    const { routers } = this.built.linked;
    // Whoever called `start` hears how it went.
    await this.#starting?.catch(() => {});
    const retiring = this.#quietly(this.#reloader.close(graceMs));
    const others = this.#quietly(this.#parts.ending?.(graceMs));
    await Promise.all([retiring, others, ...routers.map(({ router }) => this.#quietly(router.close(graceMs)))]);
    await Promise.all(this.#telemetry.map((each) => this.#quietly(each.close())));
    const pages = Math.min(graceMs, 1000);
    await Promise.all([this.#quietly(this.#admin.close(pages)), this.#quietly(this.#identifier?.close(pages))]);
    this.#manager?.close();
    this.#ended();
  }

  /** What fails to close is told of, and keeps nothing else from closing. */
  async #quietly(closing: Promise<void> | undefined): Promise<void> {
    await closing?.catch((error: Error) => this.#log.error(`while closing: ${error.message}`));
  }
}

function show(address: SocketAddress): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
