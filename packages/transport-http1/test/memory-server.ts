import type { Clock, Service } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import { type ConnectionOwner, noGuard, nullServerStats } from "@weftmesh/wire";
import type { ServesHttp1 } from "../src/http1-serving.ts";
import { RequestHead } from "../src/request-head.ts";
import { ServerConnection } from "../src/server-connection.ts";
import { defaultServerLimits, type ServerSettings } from "../src/server-settings.ts";
import { MemoryWire } from "./memory-wire.ts";

/** One connection of a server, over a wire in memory. */
export interface MemoryServer {
  readonly wire: MemoryWire;
  readonly connection: ServerConnection;
  closed: boolean;
  draining: boolean;
}

export function memoryServer(
  service: Service<HttpRequest, HttpResponse>,
  clock: Clock,
  settings: Partial<ServerSettings> = {},
): MemoryServer {
  const wire = new MemoryWire();
  const all: ServerSettings = {
    service,
    respond: undefined,
    clock,
    limits: defaultServerLimits,
    stats: nullServerStats,
    idleTimeMs: Number.POSITIVE_INFINITY,
    lifeTimeMs: Number.POSITIVE_INFINITY,
    readTimeoutMs: Number.POSITIVE_INFINITY,
    writeTimeoutMs: Number.POSITIVE_INFINITY,
    tunnels: undefined,
    passesInterim: true,
    switchTo: undefined,
    guard: noGuard,
    ...settings,
  };
  const server = { draining: false, closed: false };
  const owner: ConnectionOwner<ServesHttp1> = {
    serving: { http1: { settings: all, head: new RequestHead(all.limits, all.tunnels) } },
    get draining() {
      return server.draining;
    },
    get closesIdle() {
      return server.draining;
    },
    handsOver: false,
    handOver: () => owner,
    replace: () => {},
    closed: () => {
      server.closed = true;
    },
  };
  const connection = new ServerConnection(owner, wire, {
    remote: { host: "192.0.2.1", port: 40_000 },
    local: { host: "192.0.2.2", port: 80 },
    secure: false,
  });
  wire.reader = connection;
  return Object.assign(server, { wire, connection });
}
