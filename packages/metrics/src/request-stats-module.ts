import { type Clock, ClockParam, defineModule, type Module, type Role, role, type Service } from "@weftmesh/core";
import { nullStats, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { RequestStats } from "./request-stats.ts";
import { SharedWatchers } from "./shared-watcher.ts";
import { StreamRequestStats } from "./stream-request-stats.ts";
import { WatchedService } from "./watched-service.ts";

type NewStats = (stats: StatsReceiver, clock: Clock) => RequestStats;

/** What protocols of whole messages count. */
export const wholeMessageStats: NewStats = (stats, clock) => new RequestStats(stats, clock);
/** What protocols of streams count. */
export const streamStats: NewStats = (stats, clock) => new StreamRequestStats(stats, clock);

function requestStatsModule(
  at: Role,
  description: string,
  newStats: NewStats,
): <Req, Rep>() => Module<Service<Req, Rep>> {
  return <Req, Rep>() => {
    const shared = new SharedWatchers<RequestStats>();
    return defineModule({
      role: at,
      description,
      params: { stats: StatsParam, clock: ClockParam },
      make: ({ stats, clock }, next: Service<Req, Rep>): Service<Req, Rep> => {
        if (stats === nullStats) return next;
        const { watcher, release } = shared.take(stats, () => newStats(stats, clock));
        return new WatchedService(next, watcher, release);
      },
    });
  };
}

export const ServerStatsRole: Role = role("serverStats");
export const PathStatsRole: Role = role("pathStats");
export const ClientStatsRole: Role = role("clientStats");

const ofServer = "Counts the requests of a server, their success and latency";
const ofPath = "Counts the requests for a logical name, with all retries as one";
const ofClient = "Counts the attempts that a client makes, their success and latency";

type StatsModule = <Req, Rep>() => Module<Service<Req, Rep>>;

/** Counts the requests of a server. `StatsParam` is the server's scope, `rt/<label>/server/<ip>/<port>`. */
export const serverStats: StatsModule = requestStatsModule(ServerStatsRole, ofServer, wholeMessageStats);

/** Counts the requests for a logical name. `StatsParam` is its scope, `rt/<label>/service/<name>`. */
export const pathStats: StatsModule = requestStatsModule(PathStatsRole, ofPath, wholeMessageStats);

/** Counts the attempts that a client makes. `StatsParam` is its scope, `rt/<label>/client/<id>`. */
export const clientStats: StatsModule = requestStatsModule(ClientStatsRole, ofClient, wholeMessageStats);

/** The same for a protocol of streams, which are counted as well. */
export const serverStreamStats: StatsModule = requestStatsModule(
  ServerStatsRole,
  `${ofServer}, and streams`,
  streamStats,
);
export const pathStreamStats: StatsModule = requestStatsModule(PathStatsRole, `${ofPath}, and streams`, streamStats);
export const clientStreamStats: StatsModule = requestStatsModule(
  ClientStatsRole,
  `${ofClient}, and streams`,
  streamStats,
);
