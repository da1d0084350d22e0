import { definePlugin, type Plugin } from "@weftmesh/config";
import { emptyBody, HttpRequest, Names } from "@weftmesh/http";
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
  listenConfigured,
  newErrorResponder,
  type Protocol,
  ProtocolHintParam,
  type ProtocolParts,
  type RequestToIdentify,
  type RouterRuntime,
  readTarget,
  serverParams,
} from "@weftmesh/router";
import { type H2Config, type H2ServerConfig, h2Schema } from "./config.ts";
import { endpointSettingsOf } from "./endpoint-settings.ts";
import { type H2Responder, newH2Responder } from "./h2-responder.ts";

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

function listenOn(config: H2Config, answers: Answers, server: H2ServerConfig, parts: ListenParts): Promise<Listening> {
  return listenConfigured(server, parts, {
    tunnels: config.tunnels,
    http1: { respond: answers.http1 },
    http2: {
      respond: answers.http2,
      downgrade: { respond: answers.http1 },
      limits: { maxConcurrentStreams: server.maxConcurrentStreamsPerConnection },
      endpoint: endpointSettingsOf(server),
    },
  });
}

/** What is asked over HTTP/1 stands for a request of HTTP/2: its `Host` is the authority. */
function requestOf(request: RequestToIdentify): HttpRequest {
  const { headers, scheme, authority, path } = readTarget(request);
  headers.delete(Names.host);
  return new HttpRequest("2", request.method, scheme, authority, path, headers, emptyBody);
}

export const h2Protocol: Plugin<"protocol", H2Config> = definePlugin<"protocol", H2Config>({
  type: "protocol",
  kind: "h2",
  schema: h2Schema,
  make: (config): Protocol => ({
    newRouter: (runtime) => new ConfiguredRouter(config, runtime, h2Parts(config, runtime)),
  }),
});
