import { type Service, service, systemClock } from "@weftmesh/core";
import { dispatchHttp, type HttpRequest, type HttpResponse } from "@weftmesh/http";
import { SharedPool } from "@weftmesh/pool";
import { describeTransport } from "@weftmesh/testkit";
import { Http2Connector, listenHttp2 } from "@weftmesh/transport-http2";
import { TlsEnds } from "./tls-ends.ts";

type HttpService = Service<HttpRequest, HttpResponse>;

const ends = await TlsEnds.create();

/** One session, and each call on it with a ctx of its own that ends with the body. */
function clientOf(port: number, reuseBuffers: boolean, secure: boolean): { client: HttpService; inUse: () => number } {
  const connector = new Http2Connector({
    host: "127.0.0.1",
    port,
    clock: systemClock,
    reuseBuffers,
    connectTimeoutMs: 10_000,
    ...(secure ? { tls: ends.dialer() } : {}),
  });
  const pool = new SharedPool(connector, { clock: systemClock });
  const calls = service<HttpRequest, HttpResponse>((req, ctx) => dispatchHttp(pool, req, ctx.fork()));
  const client: HttpService = {
    call: calls.call,
    get status() {
      return pool.status;
    },
    close: () => pool.close(),
  };
  return { client, inUse: () => pool.load };
}

async function unreachable(): Promise<HttpService> {
  const gone = await listenHttp2({ service: service(() => Promise.reject(new Error())), port: 0, clock: systemClock });
  const { port } = gone.address;
  await gone.close();
  return clientOf(port, true, false).client;
}

for (const secure of [false, true]) {
  for (const reuseBuffers of [true, false]) {
    describeTransport(
      `http2${secure ? " over TLS" : ""}, both ends reading ${reuseBuffers ? "into reused buffers" : "by events"}`,
      async (served) => {
        const server = await listenHttp2({
          service: served,
          port: 0,
          clock: systemClock,
          acceptMode: reuseBuffers ? "onread" : "data",
          ...(secure ? { tls: ends.acceptor() } : {}),
        });
        return { ...clientOf(server.address.port, reuseBuffers, secure), closeServer: () => server.close(5_000) };
      },
      { unreachable },
    );
  }
}
