import { EndpointParam } from "@weftmesh/balancer";
import { ClockParam, type Params, type Service, type ServiceFactory } from "@weftmesh/core";
import { emptyBody, Headers, type HttpRequest, HttpResponse } from "@weftmesh/http";
import { httpStatusOf } from "@weftmesh/naming";
import { type UnpooledService, unpooled } from "@weftmesh/pool";
import { ClientSocketParam, connectionSocket, endpointTls } from "@weftmesh/router";
import { StatsParam } from "@weftmesh/telemetry";
import { ConnectTimeoutMs } from "@weftmesh/timeout";
import { Http2Connector } from "@weftmesh/transport-http2";
import { EndpointSettingsParam } from "./endpoint-settings.ts";

/** The bottom of a client stack: opens the connections to one endpoint, each of which takes many calls. */
export function http2Transport(params: Params): UnpooledService<HttpRequest, HttpResponse> {
  const endpoint = params.get(EndpointParam);
  // `/$/io.buoyant.http.status/<code>` is no endpoint at all, but an answer.
  const status = httpStatusOf(endpoint);
  if (status !== undefined) return unpooled(answering(status));
  const socket = params.get(ClientSocketParam);
  const tls = endpointTls(params, ["h2"]);
  return unpooled(
    new Http2Connector({
      host: endpoint.host,
      port: endpoint.port,
      clock: params.get(ClockParam),
      connectTimeoutMs: params.get(ConnectTimeoutMs),
      stats: params.get(StatsParam),
      endpoint: params.get(EndpointSettingsParam),
      ...(tls === undefined ? {} : { tls }),
      ...(socket === undefined ? {} : { socketOptions: connectionSocket(socket) }),
    }),
  );
}

/** Sessions that answer every request with a status alone. */
function answering(status: number): ServiceFactory<HttpRequest, HttpResponse> {
  const session: Service<HttpRequest, HttpResponse> = {
    status: "open",
    call: () => Promise.resolve(new HttpResponse(status, Headers.of("content-length", "0"), emptyBody, "2")),
    close: () => Promise.resolve(),
  };
  return { status: "open", open: () => Promise.resolve(session), close: () => Promise.resolve() };
}
