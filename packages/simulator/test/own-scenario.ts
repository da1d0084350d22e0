import { balancer } from "@weftmesh/balancer";
import { backends, constantLatency, poissonArrivals, type Scenario } from "@weftmesh/simulator";

/** As somebody else would write one, against the package and nothing within it. */
export const own: Scenario = {
  name: "own-scenario",
  summary: "somebody's own",
  experiments: [
    {
      kind: "traffic",
      name: "calm",
      durationMs: 500,
      tiers: [{ name: "db", backends: backends(2, { latency: constantLatency(3) }) }],
      load: { to: "db", arrivals: poissonArrivals(100), through: { modules: [balancer()] } },
    },
  ],
};
