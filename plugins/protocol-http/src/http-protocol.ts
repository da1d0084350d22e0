import { type AccessLog, onHangup } from "@weftmesh/access-log";
import { clientConfigFor, definePlugin, type Plugin, type SocketOptions, staticConfigsFor } from "@weftmesh/config";
import { type Classifier, ClockParam, Ctx, Params as NoParams, type Params, WeftError } from "@weftmesh/core";
import { EjectionListenerParam } from "@weftmesh/failure-accrual";
import { emptyBody, Headers, HttpRequest, Names, type SocketAddress } from "@weftmesh/http";
import { ListenersParam } from "@weftmesh/listeners";
import { DstPrefixParam, type Identification, type Identifier, type Path } from "@weftmesh/naming";
import {
  applyEdits,
  describeStack,
  type ErrorResponder,
  firstOf,
  type HttpRouter,
  httpStacks,
  newErrorResponder,
  newHttpRouter,
  type Protocol,
  type RequestToIdentify,
  type Router,
  type RouterRuntime,
  type RunningServer,
  type StackName,
  type StackRow,
  type StackSet,
  stackNames,
} from "@weftmesh/router";
import { StatsParam } from "@weftmesh/telemetry";
import { SessionSecretParam } from "@weftmesh/tls";
import {
  type Http1Server,
  type Http1ServerOptions,
  listenHttp1,
  serverConnectionStats,
} from "@weftmesh/transport-http1";
import { type HttpConfig, type HttpServerConfig, httpSchema } from "./config.ts";
import { ejectionLog } from "./ejection-log.ts";
import { accessLogOf, maxReplayBytes, openAccessLog, routerParams } from "./router-params.ts";
import { ClientTlsParam, RouterTls } from "./router-tls.ts";
import { clientParams, serverParams, serviceParams } from "./stack-params.ts";
import { paceLimits, takenOn } from "./taken-on.ts";
import { http1Transport, ResponseLimitsParam } from "./transport.ts";
import { tunnelOptions } from "./tunnel-options.ts";

const kilobyte = 1024;
const never = Number.POSITIVE_INFINITY;
/** How long a connection without a request may still bring one when the router closes; half of a shorter grace. */
const idleGraceMs = 1_000;

/** A router of HTTP/1.1: Linkerd's `protocol: http`. */
class Http1Router implements Router {
  readonly protocol = "http";
  readonly label: string;
  readonly stacks: Readonly<Record<StackName, readonly StackRow[]>>;
  readonly dstPrefix: Path;
  readonly #config: HttpConfig;
  readonly #runtime: RouterRuntime;
  readonly #identifier: Identifier<HttpRequest>;
  readonly #router: HttpRouter;
  readonly #respond: ErrorResponder;
  readonly #tls: RouterTls;
  /** Shows in the metrics that requests begin their way at this router. */
  readonly #removeOriginator: (() => void) | undefined;
  /** Those of the process, and what the config says of every stack. */
  readonly #params: Params;
  readonly #accessLog: AccessLog | undefined;
  #isLogOpen = false;
  #ignoreHangups: (() => void) | undefined;
  #running: readonly Http1Server[] = [];
  #closed: Promise<void> | undefined;

  constructor(config: HttpConfig, runtime: RouterRuntime) {
    this.#config = config;
    this.#runtime = runtime;
    this.label = runtime.label;
    this.dstPrefix = config.dstPrefix;
    this.#accessLog = accessLogOf(config, this.label, runtime.params, runtime.logger);
    this.#params = routerParams(config, runtime.params, this.#accessLog);
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
      serviceParams: (path) => serviceParams(staticConfigsFor(config.service, path), classifier, runtime.params),
      clientParams: (id) => {
        const client = clientConfigFor(config.client, id);
        return clientParams(client)
          .with(ResponseLimitsParam, headLimits(config))
          .with(ClientTlsParam, this.#tls.client(client));
      },
      onError: (error) => runtime.logger.error(`${this.label}: ${error.message}`),
    });
    this.#removeOriginator = config.originator ? stats.gauge(() => 1, "originator") : undefined;
    this.#respond = newErrorResponder({
      baseDtab: config.dtab,
      maxBodyBytes: config.maxErrResponseKB * kilobyte,
      maxHeaderBytes: config.maxHeadersKB * kilobyte,
      log: (message) => runtime.logger.error(message),
    });
  }

  get servers(): readonly SocketAddress[] {
    return this.#config.servers.map(({ ip, port }) => ({ host: ip, port }));
  }

  async reserve(): Promise<void> {
    await this.#openAccessLog();
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
    const running: Http1Server[] = [];
    await this.#openAccessLog();
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
    const { version, method } = request;
    const headers = Headers.of(...request.headers);
    const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(request.target);
    // The rule of the server's codec: an authority in the target is the request's `Host`.
    const authority = absolute?.[1] ?? headers.get(Names.host) ?? "";
    const target = absolute === null ? request.target : (absolute[2] ?? "");
    const path = target === "" || target.startsWith("?") ? `/${target}` : target;
    const req = new HttpRequest(version, method, "http", authority, path, headers, emptyBody);
    return this.#identifier.identify(req, new Ctx());
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
    this.#ignoreHangups?.();
    await this.#accessLog?.file.close();
  }

  async #openAccessLog(): Promise<void> {
    const log = this.#accessLog;
    if (log === undefined || this.#isLogOpen) return;
    await openAccessLog(log);
    this.#isLogOpen = true;
    if (this.#config.httpAccessLogRollPolicy.toLowerCase() === "sighup") {
      this.#ignoreHangups = onHangup(() => log.file.reopen());
    }
  }

  #newIdentifier(): Identifier<HttpRequest> {
    const params = this.#runtime.params.with(DstPrefixParam, this.#config.dstPrefix);
    return firstOf(this.#config.identifier.map((chosen) => chosen.plugin.make(chosen.config, params)));
  }

  #defaultClassifier(): Classifier | undefined {
    return this.#runtime.plugins.plugin("classifier", "io.l5d.http.nonRetryable5XX")?.make({}, this.#runtime.params);
  }

  #editedStacks(): StackSet {
    const stacks = this.#runtime.edit(httpStacks(http1Transport, { maxReplayBytes: maxReplayBytes(this.#config) }));
    return this.#config.stack === undefined
      ? stacks
      : applyEdits(stacks, this.#config.stack, this.#runtime.params, this.label);
  }

  /** The stacks with what the config says of everyone: what it says of some names only is not in a listing. */
  #describe(stacks: StackSet, classifier: Classifier | undefined): Readonly<Record<StackName, readonly StackRow[]>> {
    const params = this.#params;
    const [server] = this.#config.servers;
    const all = (config: { readonly kind: string } | undefined): boolean => config?.kind === "io.l5d.global";
    const service = all(this.#config.service) ? (this.#config.service?.configs[0]?.config ?? {}) : {};
    const client = all(this.#config.client) ? (this.#config.client?.configs[0]?.config ?? {}) : {};
    const byStack: Readonly<Record<StackName, Params>> = {
      server: params.merge(server === undefined ? NoParams.empty : serverParams(server)),
      path: params.merge(serviceParams(service, classifier, params)),
      bound: params,
      client: params.merge(clientParams(client)),
    };
    return Object.fromEntries(
      stackNames.map((name) => [name, describeStack(stacks[name], byStack[name])]),
    ) as unknown as Readonly<Record<StackName, readonly StackRow[]>>;
  }

  async #listenOn(server: HttpServerConfig, index: number): Promise<Http1Server> {
    const { params } = this.#runtime;
    const node = `${server.ip}/${server.port}`;
    const stats = params.get(StatsParam).scope("rt", this.label, "server", node);
    const { serverSession: session, socketOptions } = server;
    const listeners = params.get(ListenersParam);
    const tls = this.#tls.acceptor(index, server);
    let listening: Http1Server;
    try {
      listening = await listenHttp1({
        service: this.#router.serverService(serverParams(server), [node]),
        respond: this.#respond,
        host: server.ip,
        port: server.port,
        limits: {
          ...headLimits(this.#config),
          ...paceLimits(server),
          maxHeaderLines: server.maxHeaderLines,
          refuseUnderscores: !server.allowUnderscoresInHeaders,
        },
        connectionBufferBytes: server.connectionBufferKB * kilobyte,
        session: { idleTimeMs: session?.idleTimeMs ?? never, lifeTimeMs: session?.lifeTimeMs ?? never },
        ...(socketOptions === undefined ? {} : { socketOptions: listenerOptions(socketOptions) }),
        ...(tls === undefined ? {} : { tls }),
        clock: params.get(ClockParam),
        stats: serverConnectionStats(stats),
        ...takenOn(server, params),
        ...tunnelOptions(this.#config.tunnels, stats),
        ...(listeners === undefined ? {} : { listeners }),
      });
    } catch (cause) {
      throw new ListenError(this.label, `${server.ip}:${server.port}`, cause);
    }
    return listening;
  }
}

/** Of requests, and of the responses to them. */
function headLimits(config: HttpConfig): { readonly maxInitialLineBytes: number; readonly maxHeaderBytes: number } {
  return {
    maxInitialLineBytes: config.maxInitialLineKB * kilobyte,
    maxHeaderBytes: config.maxHeadersKB * kilobyte,
  };
}

/** Keys that were not given are left out. */
function listenerOptions(given: SocketOptions): NonNullable<Http1ServerOptions["socketOptions"]> {
  const { noDelay, reusePort, keepAlive, backlog, readTimeoutMs, writeTimeoutMs } = given;
  return {
    noDelay,
    reusePort,
    ...(keepAlive === undefined ? {} : { keepAlive }),
    ...(backlog === undefined ? {} : { backlog }),
    ...(readTimeoutMs === undefined ? {} : { readTimeoutMs }),
    ...(writeTimeoutMs === undefined ? {} : { writeTimeoutMs }),
  };
}

/** A router cannot have one of its ports. */
export class ListenError extends WeftError {
  readonly label: string;
  readonly address: string;

  constructor(label: string, address: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super("WEFT_LISTEN", `router ${label} cannot listen on ${address}: ${why}`, { cause });
    this.label = label;
    this.address = address;
  }
}

export const httpProtocol: Plugin<"protocol", HttpConfig> = definePlugin<"protocol", HttpConfig>({
  type: "protocol",
  kind: "http",
  schema: httpSchema,
  make: (config): Protocol => ({ newRouter: (runtime) => new Http1Router(config, runtime) }),
});
