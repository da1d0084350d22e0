import type { AccessLogOptions } from "@weftmesh/access-log";
import {
  type AccessLogConfig,
  type Chosen,
  type ClientConfig,
  type ClientVersionConfig,
  clientConfigFor,
  type HttpClientConfig,
  type HttpServerConfig,
  type RouterConfig,
  type ServerConfig,
  type ServerVersionsConfig,
  type ServiceConfig,
  staticConfigsFor,
  type TracePropagatorConfig,
} from "@weftmesh/config";
import { type Classifier, ClockParam, Ctx, Params } from "@weftmesh/core";
import { EjectionListenerParam } from "@weftmesh/failure-accrual";
import type { HttpRequest, SocketAddress } from "@weftmesh/http";
import { ListenersParam } from "@weftmesh/listeners";
import { DstPrefixParam, type Identification, type Identifier, type Path } from "@weftmesh/naming";
import { StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { SessionSecretParam, type TlsAcceptor } from "@weftmesh/tls";
import { AccessLogParam } from "../access-log-module.ts";
import { applyEdits } from "../edit-stacks.ts";
import { type HttpRouter, newHttpRouter } from "../http-router.ts";
import type { HttpService } from "../http-service.ts";
import type { RequestToIdentify, Router, RouterRuntime, RunningServer } from "../protocol.ts";
import { firstOf } from "../routing-service.ts";
import { describeStack, type StackName, type StackRow, type StackSet, stackNames } from "../stack-set.ts";
import { TracePropagatorParam } from "../trace-context.ts";
import { ejectionLog } from "./ejection-log.ts";
import { ListenError } from "./listen-error.ts";
import { RouterAccessLog } from "./router-access-log.ts";
import { ClientTlsParam, RouterTls } from "./router-tls.ts";
import { type GivenParams, serviceParams } from "./stack-params.ts";

/** What the configs of http and h2 routers have in common. */
export type CommonRouterConfig = RouterConfig<
  ServerConfig & HttpServerConfig & ServerVersionsConfig,
  ClientConfig & HttpClientConfig & ClientVersionConfig,
  ServiceConfig
> & {
  readonly identifier: readonly Chosen<"identifier" | "h2Identifier">[];
  readonly tracePropagator: TracePropagatorConfig;
};

type ServerOf<Config extends CommonRouterConfig> = Config["servers"][number];
type EntryOf<Configs> = Configs extends { readonly configs: readonly { readonly config: infer T }[] } ? T : never;
type ClientOf<Config extends CommonRouterConfig> = EntryOf<NonNullable<Config["client"]>>;
type ServiceOf<Config extends CommonRouterConfig> = EntryOf<NonNullable<Config["service"]>>;

/** What a listener is made of besides its own config. */
export interface ListenParts {
  /** Those of the process. */
  readonly params: Params;
  readonly service: HttpService;
  /** Of the server. */
  readonly stats: StatsReceiver;
  /** Undefined for a plain one. */
  readonly tls: TlsAcceptor | undefined;
}

/** A listener that waits `idleMs` for requests on connections that have none before it closes them. */
export interface Listening extends RunningServer {
  close(graceMs: number, idleMs?: number): Promise<void>;
}

/** What a protocol brings to a router of its own. */
export interface ProtocolParts<Config extends CommonRouterConfig> {
  readonly protocol: string;
  /** The kind of the classifier of services that name none. */
  readonly defaultClassifier: string;
  readonly accessLog: AccessLogConfig & Pick<AccessLogOptions, "zone">;
  /** Before the edits of the build and of the config. */
  readonly stacks: StackSet;
  /** What the config says of every stack, over what is there already. */
  routerParams(params: Params): Params;
  serverParams(server: ServerOf<Config>): Params;
  /** What the protocol adds for a service. */
  serviceParams(service: Partial<ServiceOf<Config>>, given: GivenParams): Params;
  clientParams(client: Partial<ClientOf<Config>>): Params;
  listen(server: ServerOf<Config>, parts: ListenParts): Promise<Listening>;
  /** The request that a head stands for, where it is to be identified and goes nowhere. */
  requestOf(request: RequestToIdentify): HttpRequest;
}

/** How long a connection without a request may still bring one when the router closes; half of a shorter grace. */
const idleGraceMs = 1_000;

/** A router as its config has it, whatever version of HTTP it speaks: stacks, parameters, TLS, access log and listeners. */
export class ConfiguredRouter<Config extends CommonRouterConfig> implements Router {
  readonly protocol: string;
  readonly label: string;
  readonly stacks: Readonly<Record<StackName, readonly StackRow[]>>;
  readonly dstPrefix: Path;
  readonly #config: Config;
  readonly #runtime: RouterRuntime;
  readonly #parts: ProtocolParts<Config>;
  readonly #identifier: Identifier<HttpRequest>;
  readonly #router: HttpRouter;
  readonly #tls: RouterTls;
  /** Shows in the metrics that requests begin their way at this router. */
  readonly #removeOriginator: (() => void) | undefined;
  /** Those of the process, and what the config says of every stack. */
  readonly #params: Params;
  readonly #accessLog: RouterAccessLog;
  #running: readonly Listening[] = [];
  #closed: Promise<void> | undefined;

  constructor(config: Config, runtime: RouterRuntime, parts: ProtocolParts<Config>) {
    this.#config = config;
    this.#runtime = runtime;
    this.#parts = parts;
    this.protocol = parts.protocol;
    this.label = runtime.label;
    this.dstPrefix = config.dstPrefix;
    this.#accessLog = new RouterAccessLog(parts.accessLog, this.label, runtime.params, runtime.logger);
    this.#params = parts.routerParams(
      runtime.params.with(AccessLogParam, this.#accessLog.log).with(TracePropagatorParam, config.tracePropagator.kind),
    );
    const stacks = this.#editedStacks();
    const classifier = this.#defaultClassifier();
    this.stacks = this.#describe(stacks, classifier);
    this.#identifier = this.#newIdentifier();
    const { bindingCache } = config;
    const stats = runtime.params.get(StatsParam).scope("rt", this.label);
    this.#tls = new RouterTls(
      {
        label: this.label,
        clock: runtime.params.get(ClockParam),
        stats,
        logger: runtime.logger,
        sessionSecret: runtime.params.get(SessionSecretParam),
      },
      config.servers,
      config.client,
    );
    this.#router = newHttpRouter({
      label: this.label,
      stacks,
      params: this.#params.with(EjectionListenerParam, ejectionLog(runtime.logger)),
      identifier: this.#identifier,
      interpreter: runtime.interpreter,
      baseDtab: config.dtab,
      overrideLimits: { allowInet: config.allowInetFromOverride, allowLocal: config.allowLocalFromOverride },
      cache: {
        paths: bindingCache.paths,
        trees: bindingCache.trees,
        bounds: bindingCache.bounds,
        clients: bindingCache.clients,
        idleTtlMs: bindingCache.idleTtlSecs * 1000,
      },
      bindingTimeoutMs: config.bindingTimeoutMs,
      serviceParams: (path) => this.#serviceParams(staticConfigsFor(config.service, path), classifier),
      clientParams: (id) => {
        const client = clientConfigFor(config.client, id);
        return parts.clientParams(client as Partial<ClientOf<Config>>).with(ClientTlsParam, this.#tls.client(client));
      },
      onError: (error) => runtime.logger.error(`${this.label}: ${error.message}`),
    });
    this.#removeOriginator = config.originator ? stats.gauge(() => 1, "originator") : undefined;
  }

  get servers(): readonly SocketAddress[] {
    return this.#config.servers.map(({ ip, port }) => ({ host: ip, port }));
  }

  async reserve(): Promise<void> {
    await this.#accessLog.open();
    const listeners = this.#runtime.params.get(ListenersParam);
    if (listeners === undefined) return;
    for (const { ip: host, port, socketOptions } of this.#config.servers) {
      const { backlog, reusePort } = socketOptions ?? {};
      const options = {
        host,
        port,
        ...(backlog === undefined ? {} : { backlog }),
        ...(reusePort === undefined ? {} : { reusePort }),
      };
      // A port of its own choosing cannot be reserved, nor be in use.
      if (port === 0) continue;
      await listeners.reserve(options).catch((cause: unknown) => {
        throw new ListenError(this.label, `${host}:${port}`, cause);
      });
    }
  }

  async listen(): Promise<readonly RunningServer[]> {
    const running: Listening[] = [];
    await this.#accessLog.open();
    try {
      for (const [i, server] of this.#config.servers.entries()) running.push(await this.#listenOn(server, i));
    } catch (cause) {
      await Promise.all(running.map((each) => each.close(0)));
      throw cause;
    }
    this.#running = running;
    this.#tls.watch();
    return running;
  }

  snapshot(): ReturnType<HttpRouter["binding"]["snapshot"]> {
    return this.#router.binding.snapshot();
  }

  async identify(request: RequestToIdentify): Promise<Identification> {
    return this.#identifier.identify(this.#parts.requestOf(request), new Ctx());
  }

  close(graceMs: number): Promise<void> {
    if (this.#closed === undefined) this.#closed = this.#close(graceMs);
    // A second call may shorten the grace of the first.
    else for (const server of this.#running) void server.close(graceMs);
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    this.#tls.retire();
    const idleMs = Math.min(idleGraceMs, graceMs / 2);
    await Promise.all(this.#running.map((server) => server.close(graceMs, idleMs)));
    await this.#router.binding.close();
    this.#tls.close();
    this.#removeOriginator?.();
    await this.#accessLog.close();
  }

  #newIdentifier(): Identifier<HttpRequest> {
    const params = this.#runtime.params.with(DstPrefixParam, this.#config.dstPrefix);
    return firstOf(this.#config.identifier.map((chosen) => chosen.plugin.make(chosen.config, params)));
  }

  #defaultClassifier(): Classifier | undefined {
    const { plugins, params } = this.#runtime;
    return plugins.plugin("classifier", this.#parts.defaultClassifier)?.make({}, params);
  }

  #editedStacks(): StackSet {
    const stacks = this.#runtime.edit(this.#parts.stacks);
    return this.#config.stack === undefined
      ? stacks
      : applyEdits(stacks, this.#config.stack, this.#runtime.params, this.label);
  }

  #serviceParams(service: Partial<ServiceConfig>, classifier: Classifier | undefined): Params {
    const given = serviceParams(service, classifier, this.#runtime.params);
    return this.#parts.serviceParams(service as Partial<ServiceOf<Config>>, given);
  }

  /** The stacks with what the config says of everyone: what it says of some names only is not in a listing. */
  #describe(stacks: StackSet, classifier: Classifier | undefined): Readonly<Record<StackName, readonly StackRow[]>> {
    const params = this.#params;
    const [server] = this.#config.servers;
    const all = (config: { readonly kind: string } | undefined): boolean => config?.kind === "io.l5d.global";
    const service = all(this.#config.service) ? (this.#config.service?.configs[0]?.config ?? {}) : {};
    const client = all(this.#config.client) ? (this.#config.client?.configs[0]?.config ?? {}) : {};
    const byStack: Readonly<Record<StackName, Params>> = {
      server: params.merge(server === undefined ? Params.empty : this.#parts.serverParams(server)),
      path: params.merge(this.#serviceParams(service, classifier)),
      bound: params,
      client: params.merge(this.#parts.clientParams(client as Partial<ClientOf<Config>>)),
    };
    return Object.fromEntries(
      stackNames.map((name) => [name, describeStack(stacks[name], byStack[name])]),
    ) as unknown as Readonly<Record<StackName, readonly StackRow[]>>;
  }

  async #listenOn(server: ServerOf<Config>, index: number): Promise<Listening> {
    const { params } = this.#runtime;
    const node = `${server.ip}/${server.port}`;
    try {
      return await this.#parts.listen(server, {
        params,
        service: this.#router.serverService(this.#parts.serverParams(server), [node]),
        stats: params.get(StatsParam).scope("rt", this.label, "server", node),
        tls: this.#tls.acceptor(index, server),
      });
    } catch (cause) {
      throw new ListenError(this.label, `${server.ip}:${server.port}`, cause);
    }
  }
}
