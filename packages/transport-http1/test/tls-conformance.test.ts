import { type Service, service, systemClock } from "@weftmesh/core";
import { dispatchHttp, type HttpRequest, type HttpResponse } from "@weftmesh/http";
import { Pool } from "@weftmesh/pool";
import { describeTransport } from "@weftmesh/testkit";
import { readsIntoBuffers } from "@weftmesh/tls";
import { Http1Connector, listenHttp1 } from "@weftmesh/transport-http1";
import { expect, it } from "vitest";
import { TlsEnds } from "./tls-ends.ts";

type HttpService = Service<HttpRequest, HttpResponse>;

const ends = await TlsEnds.create();

function clientOf(port: number, reuseBuffers: boolean): { client: HttpService; inUse: () => number } {
  const tls = ends.dialer();
  const connector = new Http1Connector({ host: "127.0.0.1", port, clock: systemClock, reuseBuffers, tls });
  const pool = new Pool(connector, { clock: systemClock });
  const calls = service<HttpRequest, HttpResponse>((req, ctx) => dispatchHttp(pool, req, ctx.fork()));
  const client: HttpService = {
    call: calls.call,
    get status() {
      return pool.status;
    },
    close: () => pool.close(),
  };
  return { client, inUse: () => pool.size - pool.cached };
}

it("reads accepted connections of TLS into its own buffers on this runtime", async () => {
  expect(await readsIntoBuffers(ends.server.current)).toBe(true);
});

for (const reuseBuffers of [true, false]) {
  describeTransport(
    `http1 over TLS, both ends reading ${reuseBuffers ? "into reused buffers" : "by events"}`,
    async (served) => {
      const server = await listenHttp1({
        service: served,
        port: 0,
        clock: systemClock,
        acceptMode: reuseBuffers ? "onread" : "data",
        tls: ends.acceptor(),
      });
      return { ...clientOf(server.address.port, reuseBuffers), closeServer: () => server.close(5_000) };
    },
    {
      unreachable: async () => {
        const gone = await listenHttp1({
          service: service(() => Promise.reject(new Error())),
          port: 0,
          clock: systemClock,
        });
        const { port } = gone.address;
        await gone.close();
        return clientOf(port, reuseBuffers).client;
      },
    },
  );
}
