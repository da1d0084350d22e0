import { service, systemClock } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import { describeTransport } from "@weftmesh/testkit";
import { listenHttp } from "@weftmesh/transport-http";
import { type Client, clientOf, forwarding, type HttpService } from "./ends.ts";

async function unreachable(version: 1 | 2): Promise<HttpService> {
  const nobody = service<HttpRequest, HttpResponse>(() => Promise.reject(new Error()));
  const gone = await listenHttp({
    http1: { service: nobody },
    http2: { service: nobody },
    port: 0,
    clock: systemClock,
  });
  const { port } = gone.address;
  await gone.close();
  return clientOf(version, port).client;
}

for (const version of [1, 2] as const) {
  describeTransport(
    `one port for both versions, with a client of HTTP/${version}`,
    async (served) => {
      const own = { service: served };
      const server = await listenHttp({ http1: own, http2: own, port: 0, clock: systemClock });
      return { ...clientOf(version, server.address.port), closeServer: () => server.close(5_000) };
    },
    { unreachable: () => unreachable(version) },
  );
}

for (const [from, to] of [
  [1, 2],
  [2, 1],
] as const) {
  describeTransport(
    `HTTP/${from} in and HTTP/${to} out`,
    async (served) => {
      const back = { service: served };
      const server = await listenHttp({ http1: back, http2: back, port: 0, clock: systemClock });
      const out: Client = clientOf(to, server.address.port);
      const front = forwarding(out.client);
      const proxy = await listenHttp({ http1: front, http2: front, port: 0, clock: systemClock });
      return {
        ...clientOf(from, proxy.address.port),
        closeServer: async () => {
          await proxy.close(5_000);
          await out.client.close();
          await server.close(5_000);
        },
      };
    },
    { unreachable: () => unreachable(from) },
  );
}
