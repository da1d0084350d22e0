import { definePlugin, type Plugin } from "@weftmesh/config";
import { ClockParam } from "@weftmesh/core";
import { emptyBody, Headers, HttpRequest, Names } from "@weftmesh/http";
import { ListenersParam } from "@weftmesh/listeners";
import { ClassificationTimeoutMs, RetryRequestBytes, RetryResponseBytes } from "@weftmesh/retries";
import {
  ClientVersionParam,
  ConfiguredRouter,
  clientParams,
  EndpointSettingsParam,
  type ErrorResponder,
  h2Stacks,
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
  type RouterRuntime,
  serverParams,
  takenOn,
  tunnelOptions,
} from "@weftmesh/router";
import { serverConnectionStats } from "@weftmesh/wire";
import { type H2Config, type H2ServerConfig, h2Schema } from "./config.ts";
import { endpointSettingsOf } from "./endpoint-settings.ts";
import { type H2Responder, newH2Responder } from "./h2-responder.ts";

const never = Number.POSITIVE_INFINITY;
/** Of an answer of ours. */
const maxBodyBytes = 5_242_880;
const maxHeaderBytes = 8_192;

/** HTTP/2 with its config: Linkerd's `protocol: h2`. */
function h2Parts(config: H2Config, runtime: RouterRuntime): ProtocolParts<H2Config> {
  const log = (message: string): void => runtime.logger.error(message);
  const answers: Answers = {
    http1: newErrorResponder({ baseDtab: config.dtab, log, maxBodyBytes, maxHeaderBytes }),
    http2: newH2Responder({ baseDtab: config.dtab, log }),
  };
  return {
    protocol: "h2",
    defaultClassifier: "io.l5d.h2.nonRetryable5XX",
    accessLog: {
      path: config.h2AccessLog,
      rollPolicy: config.h2AccessLogRollPolicy,
      append: config.h2AccessLogAppend,
      rotateCount: config.h2AccessLogRotateCount,
      format: config.h2AccessLogFormat,
      zone: "offset",
    },
    stacks: h2Stacks(httpTransport),
    routerParams: (params) => params,
    serverParams: (server) => serverParams(server).params,
    serviceParams: ({ retryBufferSize, classificationTimeoutMs }, given) =>
      given
        .set(RetryRequestBytes, retryBufferSize?.requestBytes)
        .set(RetryResponseBytes, retryBufferSize?.responseBytes)
        .set(ClassificationTimeoutMs, classificationTimeoutMs).params,
    clientParams: (client) =>
      clientParams(client)
        .set(ClientVersionParam, client.protocol ?? "h2")
        .set(ProtocolHintParam, client.protocol === undefined ? undefined : false)
        .set(EndpointSettingsParam, endpointSettingsOf(client)).params,
    listen: (server, parts) => listenOn(config, answers, server, parts),
    requestOf,
  };
}

/** What a client is told of a failure: HTTP/1.1 has no resets. */
interface Answers {
  readonly http1: ErrorResponder;
  readonly http2: H2Responder;
}

function listenOn(
  config: H2Config,
  answers: Answers,
  server: H2ServerConfig,
  { params, service, stats, tls }: ListenParts,
): Promise<Listening> {
  const { serverSession: session, socketOptions } = server;
  const listeners = params.get(ListenersParam);
  const pace = paceLimits(server);
  const own = {
    service,
    ...tunnelOptions(config.tunnels, stats),
    session: { idleTimeMs: session?.idleTimeMs ?? never, lifeTimeMs: session?.lifeTimeMs ?? never },
  };
  const wire = {
    host: server.ip,
    port: server.port,
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
      respond: answers.http1,
      passesInterim: server.interimResponses === "all",
      limits: pace,
    },
    http2: {
      ...own,
      respond: answers.http2,
      downgrade: { respond: answers.http1 },
      passesInterim: server.interimResponses !== "none",
      limits: { ...pace, maxConcurrentStreams: server.maxConcurrentStreamsPerConnection },
      endpoint: endpointSettingsOf(server),
    },
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
