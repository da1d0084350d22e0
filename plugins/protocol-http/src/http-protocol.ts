import { definePlugin, type Plugin } from "@weftmesh/config";
import { ClockParam } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest, Names } from "@weftmesh/http";
import { ListenersParam } from "@weftmesh/listeners";
import {
  ClientVersionParam,
  ConfiguredRouter,
  clientParams,
  EndpointSettingsParam,
  type ErrorResponder,
  httpStacks,
  httpTransport,
  type Listening,
  type ListenParts,
  listenerSocket,
  listenVersions,
  newErrorResponder,
  type Protocol,
  ProtocolHintParam,
  type ProtocolParts,
  paceLimits,
  type RequestToIdentify,
  ResponseLimitsParam,
  type RouterRuntime,
  takenOn,
  tunnelOptions,
} from "@weftmesh/router";
import { serverConnectionStats } from "@weftmesh/wire";
import { type HttpConfig, type HttpServerConfig, httpSchema } from "./config.ts";
import { maxReplayBytes, routerParams } from "./router-params.ts";
import { serverParams } from "./stack-params.ts";

const kilobyte = 1024;
const never = Number.POSITIVE_INFINITY;

/** HTTP/1.1 with its config: Linkerd's `protocol: http`. */
function http1Parts(config: HttpConfig, runtime: RouterRuntime): ProtocolParts<HttpConfig> {
  const respond = newErrorResponder({
    baseDtab: config.dtab,
    maxBodyBytes: config.maxErrResponseKB * kilobyte,
    maxHeaderBytes: config.maxHeadersKB * kilobyte,
    log: (message) => runtime.logger.error(message),
  });
  return {
    protocol: "http",
    defaultClassifier: "io.l5d.http.nonRetryable5XX",
    accessLog: {
      path: config.httpAccessLog,
      rollPolicy: config.httpAccessLogRollPolicy,
      append: config.httpAccessLogAppend,
      rotateCount: config.httpAccessLogRotateCount,
      format: config.httpAccessLogFormat,
    },
    stacks: httpStacks(httpTransport, { maxReplayBytes: maxReplayBytes(config) }),
    routerParams: (params) => routerParams(config, params),
    serverParams,
    serviceParams: (_service, given) => given.params,
    clientParams: (client) =>
      clientParams(client)
        .set(ClientVersionParam, client.protocol)
        .set(ProtocolHintParam, client.protocol === undefined ? undefined : false)
        .set(ResponseLimitsParam, headLimits(config))
        .set(EndpointSettingsParam, { maxHeaderListBytes: config.maxHeadersKB * kilobyte }).params,
    listen: (server, parts) => listenOn(config, respond, server, parts),
    requestOf,
  };
}

function listenOn(
  config: HttpConfig,
  respond: ErrorResponder,
  server: HttpServerConfig,
  { params, service, stats, tls }: ListenParts,
): Promise<Listening> {
  const { serverSession: session, socketOptions } = server;
  const listeners = params.get(ListenersParam);
  const pace = paceLimits(server);
  const own = {
    service,
    respond,
    ...tunnelOptions(config.tunnels, stats),
    session: { idleTimeMs: session?.idleTimeMs ?? never, lifeTimeMs: session?.lifeTimeMs ?? never },
  };
  const wire = {
    host: server.ip,
    port: server.port,
    connectionBufferBytes: server.connectionBufferKB * kilobyte,
    ...(socketOptions === undefined ? {} : { socketOptions: listenerSocket(socketOptions) }),
    ...(tls === undefined ? {} : { tls }),
    clock: params.get(ClockParam),
    stats: serverConnectionStats(stats),
    ...takenOn(server, params),
    ...(listeners === undefined ? {} : { listeners }),
  };
  return listenVersions(server.protocols, wire, {
    http1: {
      ...own,
      passesInterim: server.interimResponses === "all",
      limits: {
        ...headLimits(config),
        ...pace,
        maxHeaderLines: server.maxHeaderLines,
        refuseUnderscores: !server.allowUnderscoresInHeaders,
      },
    },
    http2: {
      ...own,
      downgrade: { respond },
      passesInterim: server.interimResponses !== "none",
      limits: pace,
      endpoint: { maxHeaderListBytes: config.maxHeadersKB * kilobyte },
    },
  });
}

/** By the rule of the server's codec, an authority in the target is the request's `Host`. */
function requestOf(request: RequestToIdentify): HttpRequest {
  const { version, method } = request;
  const headers = Headers.of(...request.headers);
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(request.target);
  const authority = absolute?.[1] ?? headers.get(Names.host) ?? "";
  const target = absolute === null ? request.target : (absolute[2] ?? "");
  const path = target === "" || target.startsWith("?") ? `/${target}` : target;
  return new HttpRequest(version, method, "http", authority, path, headers, emptyBody);
}

/** Of requests, and of the responses to them. */
function headLimits(config: HttpConfig): { readonly maxInitialLineBytes: number; readonly maxHeaderBytes: number } {
  return {
    maxInitialLineBytes: config.maxInitialLineKB * kilobyte,
    maxHeaderBytes: config.maxHeadersKB * kilobyte,
  };
}

export const httpProtocol: Plugin<"protocol", HttpConfig> = definePlugin<"protocol", HttpConfig>({
  type: "protocol",
  kind: "http",
  schema: httpSchema,
  make: (config): Protocol => ({
    newRouter: (runtime) => new ConfiguredRouter(config, runtime, http1Parts(config, runtime)),
  }),
});
