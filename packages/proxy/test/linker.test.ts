import type { LinkerConfig } from "@weftmesh/config";
import { definePlugin, NoKeys, Registry } from "@weftmesh/config";
import { Activity, Params } from "@weftmesh/core";
import { HostResolverParam, Neg, newSystemHostResolver, Path } from "@weftmesh/naming";
import { LogLevels, nullStats, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { ManualClock } from "@weftmesh/testkit";
import { expect, it } from "vitest";
import { link } from "../src/linker.ts";

it("gives each namer the stats of its prefix, or of its kind when it has none", () => {
  const scopes: (readonly string[])[] = [];
  const stats: StatsReceiver = {
    ...nullStats,
    scope: (...names) => {
      scopes.push(names);
      return nullStats;
    },
  };
  const plugin = definePlugin({
    type: "namer",
    kind: "fake",
    schema: NoKeys,
    make: () => ({ prefix: Path.of("x"), namer: { lookup: () => Activity.of(Neg) } }),
  });
  const namers = [{ prefix: Path.read("/a/b") }, {}].map((config) => ({ kind: "fake", plugin, config }));
  const linked = link({
    config: { telemetry: [], namers, routers: [] } as unknown as LinkerConfig,
    plugins: Registry.empty,
    params: Params.empty
      .with(StatsParam, stats)
      .with(HostResolverParam, newSystemHostResolver({ clock: new ManualClock() })),
    logs: new LogLevels({ write: () => {} }),
    stacks: (_protocol, stacks) => stacks,
  });
  expect(linked.namers).toHaveLength(2);
  expect(scopes).toEqual([
    ["namer", "#/a/b"],
    ["namer", "#/fake"],
  ]);
});
