import { EndpointParam } from "@weftmesh/balancer";
import type { SocketOptions } from "@weftmesh/config";
import { ClockParam, type Param, type Params, param, type Service, type ServiceFactory } from "@weftmesh/core";
import { emptyBody, Headers, type HttpRequest, HttpResponse } from "@weftmesh/http";
import { httpStatusOf } from "@weftmesh/naming";
import { type UnpooledService, unpooled } from "@weftmesh/pool";
import { StatsParam } from "@weftmesh/telemetry";
import { ConnectTimeoutMs } from "@weftmesh/timeout";
import { TlsDialer } from "@weftmesh/tls";
import { Http1Connector, type Http1ConnectorOptions, type ResponseLimits } from "@weftmesh/transport-http1";

import { alpnProtocols, ClientTlsParam, handshakeTimeoutMs } from "./router-tls.ts";

/** How the connections of a client are set up. */
export const ClientSocketParam: Param<SocketOptions | undefined> = param<SocketOptions | undefined>(
  "socketOptions",
  undefined,
);

/** Bytes of the head of a response at most: what the router allows a request. */
export const ResponseLimitsParam: Param<Partial<ResponseLimits>> = param<Partial<ResponseLimits>>("responseLimits", {});

/** The bottom of a client stack: opens the connections to one endpoint. */
export function http1Transport(params: Params): UnpooledService<HttpRequest, HttpResponse> {
  const endpoint = params.get(EndpointParam);
  // `/$/io.buoyant.http.status/<code>` is no endpoint at all, but an answer.
  const status = httpStatusOf(endpoint);
  if (status !== undefined) return unpooled(answering(status));
  const socket = params.get(ClientSocketParam);
  const tls = dialer(params);
  return unpooled(
    new Http1Connector({
      host: endpoint.host,
      port: endpoint.port,
      clock: params.get(ClockParam),
      connectTimeoutMs: params.get(ConnectTimeoutMs),
      stats: params.get(StatsParam),
      limits: params.get(ResponseLimitsParam),
      ...(tls === undefined ? {} : { tls }),
      ...(socket === undefined ? {} : { socketOptions: connectionOptions(socket) }),
    }),
  );
}

function dialer(params: Params): TlsDialer | undefined {
  const choice = params.get(ClientTlsParam);
  if (choice === undefined) return undefined;
  const { context, settings } = choice;
  return new TlsDialer({
    context,
    validate: !settings.disableValidation,
    commonName: settings.commonName,
    alpn: alpnProtocols.slice(0, 1),
    clock: params.get(ClockParam),
    handshakeTimeoutMs,
    stats: params.get(StatsParam).scope("tls"),
  });
}

/** Of the options of a socket, those that concern one which we open. Keys that were not given are left out. */
function connectionOptions(given: SocketOptions): NonNullable<Http1ConnectorOptions["socketOptions"]> {
  const { noDelay, keepAlive, readTimeoutMs, writeTimeoutMs } = given;
  return {
    noDelay,
    ...(keepAlive === undefined ? {} : { keepAlive }),
    ...(readTimeoutMs === undefined ? {} : { readTimeoutMs }),
    ...(writeTimeoutMs === undefined ? {} : { writeTimeoutMs }),
  };
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
