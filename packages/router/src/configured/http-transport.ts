import { EndpointParam } from "@weftmesh/balancer";
import { ClockParam, type Param, type Params, param, type Service, type ServiceFactory } from "@weftmesh/core";
import { emptyBody, Headers, type HttpRequest, HttpResponse, type HttpVersion } from "@weftmesh/http";
import { httpStatusOf } from "@weftmesh/naming";
import { type UnpooledService, unpooled } from "@weftmesh/pool";
import { StatsParam } from "@weftmesh/telemetry";
import { ConnectTimeoutMs } from "@weftmesh/timeout";
import { Http1Connector, type ResponseLimits } from "@weftmesh/transport-http1";
import type { EndpointOptions } from "@weftmesh/transport-http2";
import { ClientVersionParam } from "../client-version.ts";
import { UpgradePeerParam } from "../upgrading-client.ts";
import { http2Connector } from "./http2-on-demand.ts";
import { endpointTls } from "./router-tls.ts";
import { connectionSocket } from "./socket-settings.ts";
import { ClientSocketParam } from "./stack-params.ts";

/** Bytes of the head of a response of HTTP/1.1 at most. */
export const ResponseLimitsParam: Param<Partial<ResponseLimits>> = param<Partial<ResponseLimits>>("responseLimits", {});

/** How the connections of HTTP/2 let their servers send. */
export const EndpointSettingsParam: Param<Partial<EndpointOptions>> = param<Partial<EndpointOptions>>(
  "endpointSettings",
  {},
);

/** The bottom of a client stack: opens the connections to one endpoint, in the version that is spoken there. */
export function httpTransport(params: Params): UnpooledService<HttpRequest, HttpResponse> {
  const endpoint = params.get(EndpointParam);
  // `/$/io.buoyant.http.status/<code>` is no endpoint at all, but an answer.
  const status = httpStatusOf(endpoint);
  const isHttp2 = params.get(ClientVersionParam) === "h2";
  const upgrade = params.get(UpgradePeerParam);
  if (status !== undefined) return unpooled(answering(status, isHttp2 && upgrade === undefined ? "2" : "1.1"));
  const socket = params.get(ClientSocketParam);
  const tls = endpointTls(params, [isHttp2 ? "h2" : "http/1.1"]);
  const to = {
    host: endpoint.host,
    port: endpoint.port,
    clock: params.get(ClockParam),
    connectTimeoutMs: params.get(ConnectTimeoutMs),
    stats: params.get(StatsParam),
    ...(tls === undefined ? {} : { tls }),
    ...(socket === undefined ? {} : { socketOptions: connectionSocket(socket) }),
  };
  return unpooled(
    isHttp2
      ? http2Connector({
          ...to,
          ...(upgrade === undefined ? {} : { upgrade }),
          endpoint: endpointSettings(params, upgrade !== undefined),
        })
      : new Http1Connector({ ...to, limits: params.get(ResponseLimitsParam) }),
  );
}

/**
 * Responses that HTTP/1 would bring are as long for HTTP/2, and 32 octets longer for each of their headers. And as with
 * connections of their own, callers that read slowly hold up nobody else, however many they are: each holds its stream's
 * window at most.
 */
function endpointSettings(params: Params, isUpgraded: boolean): Partial<EndpointOptions> {
  const settings = params.get(EndpointSettingsParam);
  if (!isUpgraded) return settings;
  const { maxHeaderListBytes } = settings;
  return {
    ...settings,
    maxHeldBytes: Number.POSITIVE_INFINITY,
    ...(maxHeaderListBytes === undefined ? {} : { maxHeaderListBytes: maxHeaderListBytes + 32 * maxResponseLines }),
  };
}

/** Header lines of a response that HTTP/1 takes. */
const maxResponseLines = 1_000;

/** Sessions that answer every request with a status alone. */
function answering(status: number, version: HttpVersion): ServiceFactory<HttpRequest, HttpResponse> {
  const session: Service<HttpRequest, HttpResponse> = {
    status: "open",
    call: () => Promise.resolve(new HttpResponse(status, Headers.of("Content-Length", "0"), emptyBody, version)),
    close: () => Promise.resolve(),
  };
  return { status: "open", open: () => Promise.resolve(session), close: () => Promise.resolve() };
}
