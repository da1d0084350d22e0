import { MetricsRegistry } from "@weftmesh/telemetry";
import { expect, it } from "vitest";
import { TunnelStats } from "../src/tunnel.ts";

it("the tunnels that are open show once for all versions that share a server, until the last of them is gone", () => {
  const metrics = new MetricsRegistry();
  const shown = (): readonly number[] => {
    const values: number[] = [];
    metrics.forEach((_name, metric) => {
      if (metric.kind === "gauge") values.push(metric.value);
    });
    return values;
  };
  const tunnels = new TunnelStats(metrics);
  const [first, second] = [tunnels.watchOpen(), tunnels.watchOpen()];
  tunnels.open = 3;
  expect(shown()).toEqual([3]);
  first();
  expect(shown()).toEqual([3]);
  second();
  expect(shown()).toEqual([]);
});
