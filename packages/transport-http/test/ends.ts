import { type Service, service, systemClock } from "@weftmesh/core";
import { dispatchHttp, type HttpRequest, type HttpResponse } from "@weftmesh/http";
import { Pool, SharedPool } from "@weftmesh/pool";
import { Http1Connector } from "@weftmesh/transport-http1";
import { Http2Connector } from "@weftmesh/transport-http2";

export type HttpService = Service<HttpRequest, HttpResponse>;

export interface Client {
  readonly client: HttpService;
  /** Calls that hold a connection, or a stream of one. */
  readonly inUse: () => number;
}

/** A pool, and each call on it with a ctx of its own that ends with the body. */
export function clientOf(version: 1 | 2, port: number): Client {
  const to = { host: "127.0.0.1", port, clock: systemClock, connectTimeoutMs: 10_000 };
  const clock = { clock: systemClock };
  const pool = version === 1 ? new Pool(new Http1Connector(to), clock) : new SharedPool(new Http2Connector(to), clock);
  const calls = service<HttpRequest, HttpResponse>((req, ctx) => dispatchHttp(pool, req, ctx.fork()));
  const client: HttpService = {
    call: calls.call,
    get status() {
      return pool.status;
    },
    close: () => pool.close(),
  };
  return { client, inUse: () => (pool instanceof Pool ? pool.size - pool.cached : pool.load) };
}

/** A server's service that sends on what it is given. */
export function forwarding(client: HttpService): { readonly service: HttpService } {
  return { service: service((req, ctx) => client.call(req, ctx)) };
}
