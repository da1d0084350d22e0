import { ClockParam, Ctx, type Module, Params, type Service, Stack, service } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { ManualClock, MemoryStats } from "@weftmesh/testkit";

export interface Rep {
  readonly status: number;
}

/** A module over a service whose calls never settle by themselves: the test says when each call responds and ends. */
export class Rig {
  readonly clock = new ManualClock();
  readonly stats = new MemoryStats();
  readonly service: Service<string, Rep>;
  /** Calls that got through to the leaf. */
  seen = 0;

  constructor(module: Module<Service<string, Rep>>, params: Params = Params.empty) {
    const leaf = service<string, Rep>(() => {
      this.seen++;
      return new Promise<Rep>(() => {});
    });
    this.service = new Stack([module], () => leaf).make(
      Params.empty.with(StatsParam, this.stats).with(ClockParam, this.clock).merge(params),
    );
  }

  start(ctx: Ctx = new Ctx()): Ctx {
    void this.service.call("req", ctx);
    return ctx;
  }

  counters(...names: readonly string[]): Record<string, number> {
    return Object.fromEntries(names.map((name) => [name, this.stats.readCounter(name)]));
  }
}
