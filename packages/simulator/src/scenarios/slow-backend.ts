import { type BalancerKind, BalancerParam, balancer, leastLoaded, peakEwma, roundRobin } from "@weftmesh/balancer";
import { Params } from "@weftmesh/core";
import { constantArrivals } from "../arrivals.ts";
import { backends, type TrafficExperiment } from "../experiment.ts";
import { during, takes } from "../fault.ts";
import { constantLatency, normalLatency } from "../latency.ts";
import { atLeast, between, percent, type Scenario } from "../scenario.ts";

const count = 11;
const slowOne = 10;

function experiment(name: string, kind: BalancerKind): TrafficExperiment {
  const slow = during(15_000, 45_000, takes(constantLatency(2000)));
  return {
    kind: "traffic",
    name,
    durationMs: 60_000,
    successWithinMs: 1000,
    tiers: [
      { name: "web", backends: backends(count, { latency: normalLatency(167, 5) }, { [slowOne]: { faults: [slow] } }) },
    ],
    load: {
      to: "web",
      arrivals: constantArrivals(1000),
      through: { modules: [balancer()], params: Params.empty.with(BalancerParam, kind) },
    },
    marks: [{ fromMs: 15_000, toMs: 45_000, label: "one server of eleven takes 2 s" }],
  };
}

export const slowBackend: Scenario = {
  name: "slow-backend",
  summary: "One server of eleven takes 2 s for half a minute",
  about:
    "The experiment of Linkerd's article Beyond Round Robin: eleven servers of about 167 ms, one client with 1,000 " +
    "requests a second for 60 s, and an answer counts when it comes within a second.",
  experiments: [
    experiment("roundRobin", roundRobin()),
    experiment("leastLoaded", leastLoaded()),
    experiment("ewma", peakEwma()),
  ],
  columns: [{ title: "to the slow one", of: (run) => run.tiers[0]?.backends[slowOne]?.arrived ?? 0 }],
  claims: (results) => [
    between("round robin answers", results.run("roundRobin").success, 0.95, 0.96, percent),
    between("least loaded answers", results.run("leastLoaded").success, 0.993, 0.997, percent),
    atLeast("peak EWMA answers", results.run("ewma").success, 0.999, percent),
  ],
};
