import { heap, leastLoaded, peakEwma } from "@weftmesh/balancer";
import { consecutiveFailures } from "@weftmesh/failure-accrual";
import { constantArrivals } from "../arrivals.ts";
import { backends, type StackSpec, type TrafficExperiment } from "../experiment.ts";
import { during, erring } from "../fault.ts";
import { normalLatency } from "../latency.ts";
import { atLeast, between, percent, type Scenario } from "../scenario.ts";
import { balancedClient } from "./stacks.ts";

const count = 11;
const failing = 10;

function experiment(name: string, through: StackSpec): TrafficExperiment {
  const faults = [during(15_000, 45_000, erring({ afterMs: 1 }))];
  return {
    kind: "traffic",
    name,
    durationMs: 60_000,
    successWithinMs: 1000,
    tiers: [{ name: "web", backends: backends(count, { latency: normalLatency(167, 5) }, { [failing]: { faults } }) }],
    load: { to: "web", arrivals: constantArrivals(1000), through },
    marks: [{ fromMs: 15_000, toMs: 45_000, label: "one server of eleven fails within 1 ms" }],
  };
}

/** A server that fails fast looks free, and draws what it fails. */
export const fastFailure: Scenario = {
  name: "fast-failure",
  summary: "One server of eleven fails everything within 1 ms for half a minute",
  about:
    "Whoever counts calls in flight, or takes a failure for an answer, finds the failing server the best of all: it gets " +
    "its two of eleven, which is the most that two choices give to anybody. No retries here, so what it gets is lost.",
  experiments: [
    experiment("leastLoaded", balancedClient({ kind: leastLoaded() })),
    experiment("heap", balancedClient({ kind: heap() })),
    experiment("ewma without penalty", balancedClient({ kind: peakEwma({ failurePenaltyMs: 0 }) })),
    experiment("ewma", balancedClient({ kind: peakEwma() })),
    experiment("leastLoaded + accrual", balancedClient({ kind: leastLoaded(), accrual: consecutiveFailures(5) })),
  ],
  columns: [{ title: "to the failing one", of: (run) => run.tiers[0]?.backends[failing]?.arrived ?? 0 }],
  claims: (results) => [
    between("least loaded answers", results.run("leastLoaded").success, 0.905, 0.915, percent),
    between(
      "peak EWMA that takes failures for answers",
      results.run("ewma without penalty").success,
      0.9,
      0.92,
      percent,
    ),
    between("a heap, which has no such limit", results.run("heap").success, 0.5, 0.62, percent),
    atLeast("peak EWMA answers", results.run("ewma").success, 0.999, percent),
    atLeast("least loaded with a breaker answers", results.run("leastLoaded + accrual").success, 0.999, percent),
  ],
};
