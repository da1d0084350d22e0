import { leastLoaded } from "@weftmesh/balancer";
import { consecutiveFailures, unified } from "@weftmesh/failure-accrual";
import { constantArrivals } from "../arrivals.ts";
import { backends, type StackSpec, type TrafficExperiment } from "../experiment.ts";
import { brownOut, during, erring, type Fault, flapping, refusing } from "../fault.ts";
import { exponentialLatency } from "../latency.ts";
import { atLeast, percent, type Scenario } from "../scenario.ts";
import { balancedClient, retryingClient } from "./stacks.ts";

const durationMs = 60_000;

function experiment(name: string, count: number, fault: Fault, through: StackSpec): TrafficExperiment {
  return {
    kind: "traffic",
    name,
    durationMs,
    successWithinMs: 1000,
    tiers: [
      { name: "web", backends: backends(count, { latency: exponentialLatency(10) }, { 0: { faults: [fault] } }) },
    ],
    load: { to: "web", arrivals: constantArrivals(300), through },
    marks: [{ fromMs: fault.fromMs, toMs: Math.min(fault.toMs, durationMs), label: "one server is not well" }],
  };
}

const span = { fromMs: 10_000, toMs: 50_000 };
const flaps = (kind: "refusing" | "failing"): Fault =>
  flapping({ everyMs: 200, downMs: 100, ...span }, kind === "refusing" ? refusing() : erring({ afterMs: 0 }));
const browned = during(span.fromMs, span.toMs, brownOut(0.3));
/** As Linkerd's default client has them. */
const kind = leastLoaded();
const accrual = consecutiveFailures(5);

/** G1: a server that goes down and comes back every 100 ms, beside a good one. */
export const flappingServer: Scenario = {
  name: "flapping",
  summary: "One server of two goes down and comes back every 100 ms",
  about: "G1: success must stay at 99 % or more with one good server, by the default client.",
  experiments: [
    experiment("refuses, no retries", 2, flaps("refusing"), balancedClient({ kind })),
    experiment("refuses, default client", 2, flaps("refusing"), retryingClient({ kind, accrual })),
    experiment("answers 503, no retries", 2, flaps("failing"), balancedClient({ kind })),
    experiment("answers 503, default client", 2, flaps("failing"), retryingClient({ kind, accrual })),
    experiment("answers 503, ewma, no retries", 2, flaps("failing"), balancedClient({})),
  ],
  columns: [{ title: "to the flapping one", of: (run) => run.tiers[0]?.backends[0]?.arrived ?? 0 }],
  claims: (results) => [
    atLeast("G1: connections refused", results.run("refuses, default client").success, 0.99, percent),
    atLeast("G1: 503 answered", results.run("answers 503, default client").success, 0.99, percent),
  ],
};

/** G5: a server of which 30 % of the answers are failures. */
export const brownedOut: Scenario = {
  name: "brown-out",
  summary: "One server of five fails 30 % of its requests for 40 s",
  about:
    "G5: failures that are few enough for five in a row to be rare. A breaker that counts failures in a row waits long " +
    "for them; one that looks at the ratio does not; retries cover what is left.",
  experiments: [
    experiment("no breaker, no retries", 5, browned, balancedClient({ kind })),
    experiment("five in a row, no retries", 5, browned, balancedClient({ kind, accrual })),
    experiment("unified breaker, no retries", 5, browned, balancedClient({ kind, accrual: unified() })),
    experiment("ewma, no retries", 5, browned, balancedClient({})),
    experiment("default client", 5, browned, retryingClient({ kind, accrual })),
  ],
  columns: [{ title: "to the failing one", of: (run) => run.tiers[0]?.backends[0]?.arrived ?? 0 }],
  claims: (results) => [
    atLeast("G5: default client", results.run("default client").success, 0.999, percent),
    atLeast(
      "G5: a breaker that looks at the ratio",
      results.run("unified breaker, no retries").success,
      0.985,
      percent,
    ),
  ],
};
