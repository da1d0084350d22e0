import { definePlugin, type Plugin } from "@weftmesh/config";
import { ClockParam } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest, Names } from "@weftmesh/http";
import { ListenersParam } from "@weftmesh/listeners";
import { ClassificationTimeoutMs, RetryRequestBytes, RetryResponseBytes } from "@weftmesh/retries";
import {
  ConfiguredRouter,
  clientParams,
  h2Stacks,
  type Listening,
  type ListenParts,
  listenerSocket,
  type Protocol,
  type ProtocolParts,
  paceLimits,
  type RequestToIdentify,
  type RouterRuntime,
  serverParams,
  takenOn,
} from "@weftmesh/router";
import { listenHttp2 } from "@weftmesh/transport-http2";
import { serverConnectionStats } from "@weftmesh/wire";
import { type H2Config, type H2ServerConfig, h2Schema } from "./config.ts";
import { EndpointSettingsParam, endpointSettingsOf } from "./endpoint-settings.ts";
import { type H2Responder, newH2Responder } from "./h2-responder.ts";
import { http2Transport } from "./transport.ts";

const never = Number.POSITIVE_INFINITY;

/** HTTP/2 with its config: Linkerd's `protocol: h2`. */
function h2Parts(config: H2Config, runtime: RouterRuntime): ProtocolParts<H2Config> {
  const respond = newH2Responder({ baseDtab: config.dtab, log: (message) => runtime.logger.error(message) });
  return {
    protocol: "h2",
    alpn: ["h2"],
    defaultClassifier: "io.l5d.h2.nonRetryable5XX",
    accessLog: {
      path: config.h2AccessLog,
      rollPolicy: config.h2AccessLogRollPolicy,
      append: config.h2AccessLogAppend,
      rotateCount: config.h2AccessLogRotateCount,
      format: config.h2AccessLogFormat,
      zone: "offset",
    },
    stacks: h2Stacks(http2Transport),
    routerParams: (params) => params,
    serverParams: (server) => serverParams(server).params,
    serviceParams: ({ retryBufferSize, classificationTimeoutMs }, given) =>
      given
        .set(RetryRequestBytes, retryBufferSize?.requestBytes)
        .set(RetryResponseBytes, retryBufferSize?.responseBytes)
        .set(ClassificationTimeoutMs, classificationTimeoutMs).params,
    clientParams: (client) => clientParams(client).set(EndpointSettingsParam, endpointSettingsOf(client)).params,
    listen: (server, parts) => listenOn(respond, server, parts),
    requestOf,
  };
}

function listenOn(
  respond: H2Responder,
  server: H2ServerConfig,
  { params, service, stats, tls }: ListenParts,
): Promise<Listening> {
  const { serverSession: session, socketOptions } = server;
  const listeners = params.get(ListenersParam);
  const { minResponseBytesPerSec: _none, ...pace } = paceLimits(server);
  return listenHttp2({
    service,
    respond,
    host: server.ip,
    port: server.port,
    limits: { ...pace, maxConcurrentStreams: server.maxConcurrentStreamsPerConnection },
    endpoint: endpointSettingsOf(server),
    session: { idleTimeMs: session?.idleTimeMs ?? never, lifeTimeMs: session?.lifeTimeMs ?? never },
    ...(socketOptions === undefined ? {} : { socketOptions: listenerSocket(socketOptions) }),
    ...(tls === undefined ? {} : { tls }),
    clock: params.get(ClockParam),
    stats: serverConnectionStats(stats),
    ...takenOn(server, params),
    ...(listeners === undefined ? {} : { listeners }),
  });
}

/** What is asked over HTTP/1 stands for a request of HTTP/2: its `Host` is the authority. */
function requestOf({ method, target, headers: flat }: RequestToIdentify): HttpRequest {
  const headers = Headers.of(...flat);
  const absolute = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(target);
  const authority = absolute?.[2] ?? headers.get(Names.host) ?? "";
  const rest = absolute === null ? target : (absolute[3] ?? "");
  const path = rest === "" || rest.startsWith("?") ? `/${rest}` : rest;
  headers.delete(Names.host);
  const scheme = absolute?.[1]?.toLowerCase() === "https" ? "https" : "http";
  return new HttpRequest("2", method, scheme, authority, path, headers, emptyBody);
}

export const h2Protocol: Plugin<"protocol", H2Config> = definePlugin<"protocol", H2Config>({
  type: "protocol",
  kind: "h2",
  schema: h2Schema,
  make: (config): Protocol => ({
    newRouter: (runtime) => new ConfiguredRouter(config, runtime, h2Parts(config, runtime)),
  }),
});
