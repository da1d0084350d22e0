import { ClockParam, Ctx, ctxKey, ok, Params, type Service, Stack, service } from "@weftmesh/core";
import { MetricsRegistry, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { ManualClock } from "@weftmesh/testkit";
import { describe, expect, it } from "vitest";
import { LogicalNameParam, MaxLogicalNamesParam, perPathClientStats } from "../src/per-path-client-stats.ts";
import { clientStats } from "../src/request-stats-module.ts";
import type { Rep } from "./calls.ts";

const Name = ctxKey("name", "/svc/web");

function gauge(metrics: MetricsRegistry, ...name: readonly string[]): number | undefined {
  let found: number | undefined;
  metrics.forEach((each, metric) => {
    if (metric.kind === "gauge" && JSON.stringify(each) === JSON.stringify(name)) found = metric.value;
  });
  return found;
}

/** One stack per endpoint of a client, as below a balancer. */
function endpoints(stats: StatsReceiver, count: number): readonly Service<string, Rep>[] {
  const stack = new Stack([clientStats<string, Rep>(), perPathClientStats<string, Rep>()], () =>
    service<string, Rep>(() => Promise.resolve({ status: 200 })),
  );
  const params = Params.empty
    .with(StatsParam, stats)
    .with(ClockParam, new ManualClock())
    .with(LogicalNameParam, (ctx) => ctx.get(Name))
    .with(MaxLogicalNamesParam, 1);
  return Array.from({ length: count }, () => stack.make(params));
}

describe("a module that is built once per endpoint", () => {
  it("shows the calls of all endpoints as the client's pending, until the last is closed", async () => {
    const metrics = new MetricsRegistry();
    const [a, b] = endpoints(metrics.scope("client"), 2) as [Service<string, Rep>, Service<string, Rep>];
    const ctxs = [a, b, b].map((each) => {
      const ctx = new Ctx();
      void each.call("req", ctx);
      return ctx;
    });
    expect(gauge(metrics, "client", "pending")).toBe(3);
    expect(gauge(metrics, "client", "service", "svc/web", "pending")).toBe(3);
    await a.close();
    await a.close();
    ctxs[0]?.end(ok);
    expect(gauge(metrics, "client", "pending")).toBe(2);
    for (const ctx of ctxs) ctx.end(ok);
    await b.close();
    expect(gauge(metrics, "client", "pending")).toBeUndefined();
    expect(gauge(metrics, "client", "service", "svc/web", "pending")).toBeUndefined();
  });

  it("C26: holds the limit of logical names for all endpoints of a client together", () => {
    const metrics = new MetricsRegistry();
    for (const [i, each] of endpoints(metrics.scope("client"), 3).entries()) {
      const ctx = new Ctx().set(Name, `/svc/${i}`);
      void each.call("req", ctx);
      ctx.end(ok);
    }
    const kept = [0, 1, 2].filter((i) => gauge(metrics, "client", "service", `svc/${i}`, "pending") !== undefined);
    expect(kept).toEqual([2]);
  });

  it("keeps clients with scopes of their own apart", () => {
    const metrics = new MetricsRegistry();
    const [a] = endpoints(metrics.scope("a"), 1) as [Service<string, Rep>];
    endpoints(metrics.scope("b"), 1);
    void a.call("req", new Ctx());
    expect([gauge(metrics, "a", "pending"), gauge(metrics, "b", "pending")]).toEqual([1, 0]);
  });
});
