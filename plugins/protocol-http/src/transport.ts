import { EndpointParam } from "@weftmesh/balancer";
import { ClockParam, type Param, type Params, param, type Service, type ServiceFactory } from "@weftmesh/core";
import { emptyBody, Headers, type HttpRequest, HttpResponse } from "@weftmesh/http";
import { httpStatusOf } from "@weftmesh/naming";
import { type UnpooledService, unpooled } from "@weftmesh/pool";
import { ClientSocketParam, connectionSocket, endpointTls } from "@weftmesh/router";
import { StatsParam } from "@weftmesh/telemetry";
import { ConnectTimeoutMs } from "@weftmesh/timeout";
import { Http1Connector, type ResponseLimits } from "@weftmesh/transport-http1";

/** Bytes of the head of a response at most: what the router allows a request. */
export const ResponseLimitsParam: Param<Partial<ResponseLimits>> = param<Partial<ResponseLimits>>("responseLimits", {});

/** The bottom of a client stack: opens the connections to one endpoint. */
export function http1Transport(params: Params): UnpooledService<HttpRequest, HttpResponse> {
  const endpoint = params.get(EndpointParam);
  // `/$/io.buoyant.http.status/<code>` is no endpoint at all, but an answer.
  const status = httpStatusOf(endpoint);
  if (status !== undefined) return unpooled(answering(status));
  const socket = params.get(ClientSocketParam);
  const tls = endpointTls(params, ["http/1.1"]);
  return unpooled(
    new Http1Connector({
      host: endpoint.host,
      port: endpoint.port,
      clock: params.get(ClockParam),
      connectTimeoutMs: params.get(ConnectTimeoutMs),
      stats: params.get(StatsParam),
      limits: params.get(ResponseLimitsParam),
      ...(tls === undefined ? {} : { tls }),
      ...(socket === undefined ? {} : { socketOptions: connectionSocket(socket) }),
    }),
  );
}

/** Sessions that answer every request with a status alone. */
function answering(status: number): ServiceFactory<HttpRequest, HttpResponse> {
  const session: Service<HttpRequest, HttpResponse> = {
    status: "open",
    call: () => Promise.resolve(new HttpResponse(status, Headers.of("Content-Length", "0"), emptyBody)),
    close: () => Promise.resolve(),
  };
  return { status: "open", open: () => Promise.resolve(session), close: () => Promise.resolve() };
}
