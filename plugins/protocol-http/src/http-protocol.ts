import { definePlugin, type Plugin } from "@weftmesh/config";
import { emptyBody, HttpRequest } from "@weftmesh/http";
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
  listenConfigured,
  newErrorResponder,
  type Protocol,
  ProtocolHintParam,
  type ProtocolParts,
  type RequestToIdentify,
  ResponseLimitsParam,
  type RouterRuntime,
  readTarget,
} from "@weftmesh/router";
import { type HttpConfig, type HttpServerConfig, httpSchema } from "./config.ts";
import { maxReplayBytes, routerParams } from "./router-params.ts";
import { serverParams } from "./stack-params.ts";

const kilobyte = 1024;

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
  parts: ListenParts,
): Promise<Listening> {
  return listenConfigured(server, parts, {
    connectionBufferBytes: server.connectionBufferKB * kilobyte,
    tunnels: config.tunnels,
    http1: {
      respond,
      limits: {
        ...headLimits(config),
        maxHeaderLines: server.maxHeaderLines,
      },
    },
    http2: {
      respond,
      downgrade: { respond },
      limits: { maxHeaderFields: server.maxHeaderLines },
      endpoint: { maxHeaderListBytes: config.maxHeadersKB * kilobyte },
    },
  });
}

function requestOf(request: RequestToIdentify): HttpRequest {
  const { headers, authority, path } = readTarget(request);
  return new HttpRequest(request.version, request.method, "http", authority, path, headers, emptyBody);
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
