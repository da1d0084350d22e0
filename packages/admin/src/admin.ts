import type { Clock } from "@weftmesh/core";
import { Listeners } from "@weftmesh/listeners";
import type { Addr } from "@weftmesh/naming";
import type { AdminHandler, LogLevels, MetricsTree } from "@weftmesh/telemetry";
import type { TlsAcceptor } from "@weftmesh/tls";
import { type AdminAddress, AdminServer } from "./admin-server.ts";
import { delegatorEndpoint, type FindDelegator } from "./delegator-endpoint.ts";
import { type AdminEndpoint, endpointOf, textType } from "./endpoint.ts";
import { HandlerTable } from "./handler-table.ts";
import { liveEndpoint, type ProcessPhase, readyEndpoint } from "./health-endpoints.ts";
import { indexPage } from "./index-page.ts";
import { loggingEndpoint } from "./logging-endpoint.ts";
import { ping, type ServerInfo, serverInfoEndpoint, shutdownEndpoint } from "./process-endpoints.ts";
import { type ReloadAnswer, reloadEndpoint } from "./reload-endpoint.ts";
import type { AdminSecurity } from "./security.ts";
import {
  boundNamesEndpoint,
  clientStateEndpoint,
  configEndpoint,
  metricsEndpoint,
  profilesEndpoint,
  stacksEndpoint,
} from "./state-endpoints.ts";

/** What the admin server shows and does. A page whose source is not given is not there. */
export interface AdminOptions {
  /** Address to bind; 127.0.0.1 when not given. */
  readonly ip?: string;
  /** 9990 when not given; 0 for any. */
  readonly port?: number;
  readonly clock: Clock;
  /** The listening sockets of the process; its own if not given. */
  readonly listeners?: Listeners;
  readonly info: ServerInfo;
  readonly metrics: MetricsTree;
  /** Told what goes wrong in a handler. */
  readonly log: (message: string) => void;
  /** Everything answers when not given. */
  readonly security?: AdminSecurity;
  /**
   * Names under which the server may be asked, besides those of the loopback. One on another address may be asked by
   * any name where there are none, else also by every address.
   */
  readonly allowedHosts?: readonly string[];
  /** Serves over TLS; the admin server looks after it, and closes it. Plain HTTP when not given. */
  readonly tls?: TlsAcceptor;
  /** Bytes of a request's body at most; 1 MiB when not given. */
  readonly maxBodyBytes?: number;
  readonly handlers?: readonly (AdminEndpoint | AdminHandler)[];
  readonly shutdown?: (graceMs: number | undefined) => void;
  /** Reads the config again: `/admin/reload`. */
  readonly reload?: () => Promise<ReloadAnswer>;
  /** Where the process stands: `/live` and `/ready`. */
  readonly phase?: () => ProcessPhase;
  readonly config?: () => unknown;
  /** What the profiles of the config set. */
  readonly profiles?: () => unknown;
  readonly stacks?: () => unknown;
  readonly logLevels?: Pick<LogLevels, "list" | "set">;
  /** Comes before the page of a GET is made; undefined when there is nothing to wait for. */
  readonly before?: (path: string) => Promise<void> | undefined;
  readonly delegator?: FindDelegator;
  readonly boundNames?: () => Promise<readonly string[]>;
  readonly clients?: () => Clients | Promise<Clients>;
}

/** What each client knows of its addresses, by the client's name. */
type Clients = Iterable<readonly [name: string, addr: Addr]>;

export interface Admin {
  /** Errors: `WEFT_ADMIN_LISTEN` when the address cannot be had. */
  listen(): Promise<AdminAddress>;
  /** Resolves when all is over; what is still open after `graceMs`, 0 when not given, is cut off. */
  close(graceMs?: number): Promise<void>;
  /** Adds a page, before or after `listen`. Errors: `WEFT_ADMIN_PATH` when its path is taken. */
  handle(handler: AdminEndpoint | AdminHandler): void;
  /** Every path, sorted. */
  paths(): readonly string[];
}

/** The admin server of a process, with the pages of Linkerd 1 that are not for people, and one that is. */
export function createAdmin(options: AdminOptions): Admin {
  const table = new HandlerTable();
  const { clock, metrics, shutdown, config, profiles, stacks, logLevels, delegator, boundNames, clients } = options;
  const paths = (): readonly string[] => table.paths();
  table.add(indexPage(`${options.info.name} ${options.info.version}`, metrics, paths));
  table.add(ping);
  table.add(serverInfoEndpoint(options.info, clock));
  table.add(metricsEndpoint(metrics));
  for (const path of ["/admin", "/admin/index.txt"]) {
    table.add({ path, handle: () => ({ contentType: textType, body: `${paths().join("\n")}\n` }) });
  }
  if (shutdown !== undefined) table.add(shutdownEndpoint(shutdown));
  if (options.reload !== undefined) table.add(reloadEndpoint(options.reload));
  if (options.phase !== undefined) {
    table.add(liveEndpoint);
    table.add(readyEndpoint(options.phase));
  }
  if (config !== undefined) table.add(configEndpoint(config));
  if (profiles !== undefined) table.add(profilesEndpoint(profiles));
  if (stacks !== undefined) table.add(stacksEndpoint(stacks));
  if (logLevels !== undefined) table.add(loggingEndpoint(logLevels));
  if (delegator !== undefined) table.add(delegatorEndpoint(delegator, clock));
  if (boundNames !== undefined) table.add(boundNamesEndpoint(boundNames));
  if (clients !== undefined) table.add(clientStateEndpoint(clients));
  const handle = (handler: AdminEndpoint | AdminHandler): void =>
    table.add("render" in handler ? endpointOf(handler) : handler);
  for (const each of options.handlers ?? []) handle(each);

  const server = new AdminServer({
    ip: options.ip ?? "127.0.0.1",
    port: options.port ?? 9990,
    clock,
    listeners: options.listeners ?? new Listeners(),
    table,
    log: options.log,
    before: options.before,
    security: options.security ?? {},
    allowedHosts: options.allowedHosts ?? [],
    maxBodyBytes: options.maxBodyBytes ?? 1_048_576,
    tls: options.tls,
  });
  return {
    listen: () => server.listen(),
    close: (graceMs = 0) => server.close(graceMs),
    handle,
    paths,
  };
}
