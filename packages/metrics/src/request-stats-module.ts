import { ClockParam, defineModule, type Module, type Role, role, type Service } from "@weftmesh/core";
import { nullStats, StatsParam } from "@weftmesh/telemetry";
import { RequestStats } from "./request-stats.ts";
import { SharedWatchers } from "./shared-watcher.ts";
import { WatchedService } from "./watched-service.ts";

function requestStatsModule(at: Role, description: string): <Req, Rep>() => Module<Service<Req, Rep>> {
  return <Req, Rep>() => {
    const shared = new SharedWatchers<RequestStats>();
    return defineModule({
      role: at,
      description,
      params: { stats: StatsParam, clock: ClockParam },
      make: ({ stats, clock }, next: Service<Req, Rep>): Service<Req, Rep> => {
        if (stats === nullStats) return next;
        const { watcher, release } = shared.take(stats, () => new RequestStats(stats, clock));
        return new WatchedService(next, watcher, release);
      },
    });
  };
}

export const ServerStatsRole: Role = role("serverStats");
export const PathStatsRole: Role = role("pathStats");
export const ClientStatsRole: Role = role("clientStats");

/** Counts the requests of a server. `StatsParam` is the server's scope, `rt/<label>/server/<ip>/<port>`. */
export const serverStats: <Req, Rep>() => Module<Service<Req, Rep>> = requestStatsModule(
  ServerStatsRole,
  "Counts the requests of a server, their success and latency",
);

/** Counts the requests for a logical name. `StatsParam` is its scope, `rt/<label>/service/<name>`. */
export const pathStats: <Req, Rep>() => Module<Service<Req, Rep>> = requestStatsModule(
  PathStatsRole,
  "Counts the requests for a logical name, with all retries as one",
);

/** Counts the attempts that a client makes. `StatsParam` is its scope, `rt/<label>/client/<id>`. */
export const clientStats: <Req, Rep>() => Module<Service<Req, Rep>> = requestStatsModule(
  ClientStatsRole,
  "Counts the attempts that a client makes, their success and latency",
);
