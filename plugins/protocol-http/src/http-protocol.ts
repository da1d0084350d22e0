import { definePlugin, type Plugin } from "@weftmesh/config";
import { ClockParam } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest, Names } from "@weftmesh/http";
import { ListenersParam } from "@weftmesh/listeners";
import {
  ConfiguredRouter,
  clientParams,
  type ErrorResponder,
  httpStacks,
  type Listening,
  type ListenParts,
  listenerSocket,
  newErrorResponder,
  type Protocol,
  type ProtocolParts,
  paceLimits,
  type RequestToIdentify,
  type RouterRuntime,
  takenOn,
} from "@weftmesh/router";
import { listenHttp1, serverConnectionStats } from "@weftmesh/transport-http1";
import { type HttpConfig, type HttpServerConfig, httpSchema } from "./config.ts";
import { maxReplayBytes, routerParams } from "./router-params.ts";
import { serverParams } from "./stack-params.ts";
import { http1Transport, ResponseLimitsParam } from "./transport.ts";
import { tunnelOptions } from "./tunnel-options.ts";

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
    alpn: ["http/1.1", "http/1.0"],
    defaultClassifier: "io.l5d.http.nonRetryable5XX",
    accessLog: {
      path: config.httpAccessLog,
      rollPolicy: config.httpAccessLogRollPolicy,
      append: config.httpAccessLogAppend,
      rotateCount: config.httpAccessLogRotateCount,
      format: config.httpAccessLogFormat,
    },
    stacks: httpStacks(http1Transport, { maxReplayBytes: maxReplayBytes(config) }),
    routerParams: (params) => routerParams(config, params),
    serverParams,
    serviceParams: (_service, given) => given.params,
    clientParams: (client) => clientParams(client).set(ResponseLimitsParam, headLimits(config)).params,
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
  return listenHttp1({
    service,
    respond,
    host: server.ip,
    port: server.port,
    limits: {
      ...headLimits(config),
      ...paceLimits(server),
      maxHeaderLines: server.maxHeaderLines,
      refuseUnderscores: !server.allowUnderscoresInHeaders,
    },
    connectionBufferBytes: server.connectionBufferKB * kilobyte,
    session: { idleTimeMs: session?.idleTimeMs ?? never, lifeTimeMs: session?.lifeTimeMs ?? never },
    ...(socketOptions === undefined ? {} : { socketOptions: listenerSocket(socketOptions) }),
    ...(tls === undefined ? {} : { tls }),
    clock: params.get(ClockParam),
    stats: serverConnectionStats(stats),
    ...takenOn(server, params),
    ...tunnelOptions(config.tunnels, stats),
    ...(listeners === undefined ? {} : { listeners }),
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
