import { ClockParam, ctxKey, Params } from "@weftmesh/core";
import { StatsParam } from "@weftmesh/telemetry";
import { describeModule, type ManualClock, MemoryStats } from "@weftmesh/testkit";
import { LogicalNameParam, perPathClientStats } from "../src/per-path-client-stats.ts";
import { clientStats, pathStats, serverStats } from "../src/request-stats-module.ts";
import { statusCodeStats } from "../src/status-code-stats.ts";

interface Rep {
  readonly status: number;
}

const NoName = ctxKey("noName", undefined);
const subject = {
  params: (clock: ManualClock) =>
    Params.empty
      .with(ClockParam, clock)
      .with(StatsParam, new MemoryStats())
      .with(LogicalNameParam, (ctx) => ctx.get(NoName) ?? "/svc/web"),
  disabled: () => Params.empty,
  reply: (): Rep => ({ status: 200 }),
};

describeModule(serverStats<object, Rep>(), subject);
describeModule(pathStats<object, Rep>(), subject);
describeModule(clientStats<object, Rep>(), subject);
describeModule(statusCodeStats<object, Rep>(), subject);
describeModule(perPathClientStats<object, Rep>(), subject);
