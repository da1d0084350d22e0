import type { ClientConfig, ClientTls, ServerConfig, ServerVersionsConfig, StaticConfigs } from "@weftmesh/config";
import { type Clock, ClockParam, isWeftError, type Param, type Params, param } from "@weftmesh/core";
import { type Logger, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import {
  ClientContexts,
  type LiveContext,
  serverContext,
  TlsAcceptor,
  TlsDialer,
  TlsFileError,
  TlsSettingError,
} from "@weftmesh/tls";
import { RouterConfigError } from "../router-config-error.ts";
import { alpnOf } from "./listen-versions.ts";

/** TLS of a client: what it trusts and shows, and the name that it expects. */
export interface ClientTlsChoice {
  readonly context: LiveContext;
  readonly settings: ClientTls;
}

/** TLS of the connections to an endpoint; plain TCP without it. */
export const ClientTlsParam: Param<ClientTlsChoice | undefined> = param<ClientTlsChoice | undefined>(
  "tls",
  undefined,
  (choice) => (choice === undefined ? undefined : shown(choice.settings)),
);

/** Longest time of a handshake, on both sides. Units: ms. */
export const handshakeTimeoutMs = 10_000;

/** TLS of the connections to the endpoint of a client's stack; undefined for plain TCP. */
export function endpointTls(params: Params, alpn: readonly string[]): TlsDialer | undefined {
  const choice = params.get(ClientTlsParam);
  if (choice === undefined) return undefined;
  const { context, settings } = choice;
  return new TlsDialer({
    context,
    validate: !settings.disableValidation,
    commonName: settings.commonName,
    alpn,
    clock: params.get(ClockParam),
    handshakeTimeoutMs,
    stats: params.get(StatsParam).scope("tls"),
  });
}

export interface RouterTlsOptions {
  readonly label: string;
  readonly clock: Clock;
  /** Of the router. */
  readonly stats: StatsReceiver;
  readonly logger: Logger;
  readonly sessionSecret: Uint8Array | undefined;
}

/**
 * The contexts of a router: every file that its config names is read when the router is built, before any port is
 * bound, and looked after while it listens.
 *
 * Errors: RouterConfigError, at the key that names the file.
 */
export class RouterTls {
  readonly #options: RouterTlsOptions;
  readonly #servers: readonly (LiveContext | undefined)[];
  readonly #clients: ClientContexts | undefined;

  constructor(
    options: RouterTlsOptions,
    servers: readonly ServerConfig[],
    clients: StaticConfigs<ClientConfig> | undefined,
  ) {
    this.#options = options;
    const { label, clock, stats, logger, sessionSecret } = options;
    this.#servers = servers.map(({ tls, ip, port }, i) => {
      if (tls === undefined) return undefined;
      const around = {
        name: `router ${label}, server ${ip}:${port}`,
        clock,
        stats: stats.scope("server", `${ip}/${port}`, "tls"),
        log: logger,
        sessionSecret,
      };
      return located(label, ["servers", i, "tls"], () => serverContext(tls, around));
    });
    const entries = clients?.configs ?? [];
    if (!entries.some(({ config }) => config.tls?.enabled === true)) return;
    const around = { name: `router ${label}, client`, clock, stats: stats.scope("client_tls"), log: logger };
    const contexts = new ClientContexts(around);
    this.#clients = contexts;
    for (const [i, { config }] of entries.entries()) {
      const { tls } = config;
      const path = clients?.kind === "io.l5d.static" ? ["client", "configs", i, "tls"] : ["client", "tls"];
      if (tls?.enabled === true) located(label, path, () => contexts.of(tls));
    }
  }

  /** For the listener of that place in the config; undefined for a plain one. */
  acceptor(index: number, server: ServerConfig & ServerVersionsConfig): TlsAcceptor | undefined {
    const context = this.#servers[index];
    if (context === undefined) return undefined;
    const { clock, stats } = this.#options;
    return new TlsAcceptor({
      context,
      requireClientAuth: server.tls?.requireClientAuth === true,
      // A client that offers none of them is refused.
      alpn: alpnOf(server.protocols),
      clock,
      handshakeTimeoutMs,
      admits: server.tls?.requireClientAuth === true ? `TLS with a certificate by ${server.tls.caCertPath}` : "TLS",
      stats: stats.scope("server", `${server.ip}/${server.port}`, "tls"),
    });
  }

  /** For a client with these keys, in which the name has been filled in. */
  client(config: Partial<ClientConfig>): ClientTlsChoice | undefined {
    const { tls } = config;
    if (tls?.enabled !== true || this.#clients === undefined) return undefined;
    return { context: this.#clients.of(tls), settings: tls };
  }

  /** Looks after the files of the clients from now on. */
  watch(): void {
    this.#clients?.watch();
  }

  /** Another router takes the place of this one, which goes on until its last call is over. */
  retire(): void {
    this.#clients?.retire();
  }

  close(): void {
    this.#clients?.close();
  }
}

function located<T>(label: string, path: readonly (string | number)[], make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!isWeftError(error)) throw error;
    const key = error instanceof TlsFileError || error instanceof TlsSettingError ? steps(error.key) : [];
    throw new RouterConfigError(label, [...path, ...key], error);
  }
}

/** `trustCerts[1]` and `clientAuth.keyPath` as steps. */
function steps(key: string): readonly (string | number)[] {
  if (!/^[\w.[\]]+$/.test(key)) return [];
  return key
    .split(/[.[\]]+/)
    .filter((step) => step !== "")
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

function shown({ commonName, disableValidation }: ClientTls): string {
  return disableValidation ? "nothing is checked" : (commonName ?? "");
}
