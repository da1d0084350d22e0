import {
  type Clock,
  ClockParam,
  type Ctx,
  defineModule,
  type Module,
  type Param,
  param,
  type Role,
  role,
  type Service,
} from "@weftmesh/core";
import { nullStats, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import type { RequestStats } from "./request-stats.ts";
import { streamStats, wholeMessageStats } from "./request-stats-module.ts";
import { SharedWatchers } from "./shared-watcher.ts";
import { type CallWatcher, WatchedService } from "./watched-service.ts";

export const PerPathClientStatsRole: Role = role("perPathClientStats");

/** How a client's stack finds the logical name of a call, as `Path.show` gives it; `undefined` leaves the call out. */
export const LogicalNameParam: Param<((ctx: Ctx) => string | undefined) | undefined> = param<
  ((ctx: Ctx) => string | undefined) | undefined
>("logicalName", undefined, (read) => (read === undefined ? undefined : "from the ctx"));

/** Logical names that one client keeps metrics for; the oldest without a call in flight makes room for a new one. */
export const MaxLogicalNamesParam: Param<number> = param<number>("maxLogicalNames", 1000);

interface Kept {
  readonly stats: RequestStats;
  readonly scope: StatsReceiver;
}

/** The metrics of each logical name. Cost: a hit is one comparison, or a look-up by a string that knows its hash. */
class StatsByName implements CallWatcher {
  readonly #services: StatsReceiver;
  readonly #clock: Clock;
  readonly #maxNames: number;
  readonly #nameOf: (ctx: Ctx) => string | undefined;
  readonly #newStats: typeof wholeMessageStats;
  readonly #kept = new Map<string, Kept>();
  #lastName: string | undefined;
  #last: RequestStats | undefined;

  constructor(
    stats: StatsReceiver,
    clock: Clock,
    maxNames: number,
    nameOf: (ctx: Ctx) => string | undefined,
    newStats: typeof wholeMessageStats,
  ) {
    this.#services = stats.scope("service");
    this.#clock = clock;
    this.#maxNames = maxNames;
    this.#nameOf = nameOf;
    this.#newStats = newStats;
  }

  observe(req: unknown, ctx: Ctx): void {
    const name = this.#nameOf(ctx);
    if (name !== undefined) this.#get(name).observe(req, ctx);
  }

  #get(name: string): RequestStats {
    if (this.#last !== undefined && this.#lastName === name) return this.#last;
    const stats = this.#kept.get(name)?.stats ?? this.#make(name);
    this.#lastName = name;
    this.#last = stats;
    return stats;
  }

  close(): void {
    for (const { stats } of this.#kept.values()) stats.close();
  }

  #make(name: string): RequestStats {
    if (this.#kept.size >= this.#maxNames) this.#evict();
    const scope = this.#services.scope(name.startsWith("/") ? name.slice(1) : name);
    const stats = this.#newStats(scope, this.#clock);
    this.#kept.set(name, { stats, scope });
    return stats;
  }

  #evict(): void {
    for (const [name, { stats, scope }] of this.#kept) {
      if (stats.pending > 0) continue;
      this.#kept.delete(name);
      scope.prune();
      return;
    }
  }
}

function perPathModule<Req, Rep>(newStats: typeof wholeMessageStats, description: string): Module<Service<Req, Rep>> {
  const shared = new SharedWatchers<StatsByName>();
  return defineModule({
    role: PerPathClientStatsRole,
    description,
    params: { stats: StatsParam, clock: ClockParam, nameOf: LogicalNameParam, maxNames: MaxLogicalNamesParam },
    make: ({ stats, clock, nameOf, maxNames }, next: Service<Req, Rep>): Service<Req, Rep> => {
      if (stats === nullStats || nameOf === undefined) return next;
      const newWatcher = (): StatsByName => new StatsByName(stats, clock, maxNames, nameOf, newStats);
      const { watcher, release } = shared.take(stats, newWatcher);
      return new WatchedService(next, watcher, release);
    },
  });
}

/** Counts a client's attempts for each logical name, below `service/<name>` in the client's scope. */
export function perPathClientStats<Req, Rep>(): Module<Service<Req, Rep>> {
  return perPathModule(wholeMessageStats, "Counts the attempts of a client for each logical name");
}

/** The same for a protocol of streams, which are counted as well. */
export function perPathStreamStats<Req, Rep>(): Module<Service<Req, Rep>> {
  return perPathModule(streamStats, "Counts the attempts of a client, and their streams, for each logical name");
}
