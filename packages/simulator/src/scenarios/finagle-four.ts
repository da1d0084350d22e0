import { type BalancerKind, leastLoaded, peakEwma, roundRobin } from "@weftmesh/balancer";
import { consecutiveFailures } from "@weftmesh/failure-accrual";
import { constantArrivals } from "../arrivals.ts";
import { backends, type Mark, type StackSpec, type TrafficExperiment } from "../experiment.ts";
import { during, erring, type Fault, since, slow, warmUp } from "../fault.ts";
import { type Latency, percentileLatency } from "../latency.ts";
import type { TrafficResult } from "../result.ts";
import { atLeast, atMost, between, type Claim, percent, type Results, type Scenario } from "../scenario.ts";
import { balancedClient } from "./stacks.ts";

/** Round trips over a continent: what Finagle's own simulator draws from has these percentiles. */
const recorded: Latency = percentileLatency(
  [
    [0, 164.1],
    [0.1, 165.8],
    [0.25, 166.4],
    [0.5, 167.5],
    [0.75, 170.3],
    [0.9, 176.7],
    [0.95, 181.7],
    [0.99, 192.3],
    [0.999, 198.8],
    [1, 200],
  ],
  "recorded round trips, 164 to 200 ms",
);

const durationMs = 45_000;
const odd = 10;
const about =
  "As in Finagle's simulator of balancers: ten servers that take 164 to 200 ms and one more, the odd one, for 45 s with " +
  "1,250 requests a second from one client.";

interface Situation {
  readonly name: string;
  readonly summary: string;
  readonly faults: readonly Fault[];
  readonly marks: readonly Mark[];
  readonly clients: readonly (readonly [name: string, through: StackSpec])[];
  claims(results: Results): readonly Claim[];
}

function scenario({ name, summary, faults, marks, clients, claims }: Situation): Scenario {
  const experiments = clients.map(
    ([client, through]): TrafficExperiment => ({
      kind: "traffic",
      name: client,
      durationMs,
      successWithinMs: 1000,
      tiers: [{ name: "web", backends: backends(odd + 1, { latency: recorded }, { [odd]: { faults } }) }],
      load: { to: "web", arrivals: constantArrivals(1250), through },
      marks,
    }),
  );
  return {
    name,
    summary,
    about,
    experiments,
    columns: [{ title: "to the odd one", of: (run) => toOdd(run) }],
    claims,
  };
}

function toOdd(run: TrafficResult): number {
  return run.tiers[0]?.backends[odd]?.arrived ?? 0;
}

function coldShare(results: Results): number {
  return toOdd(results.run("ewma")) / toOdd(results.run("leastLoaded"));
}

const kinds: readonly (readonly [string, BalancerKind])[] = [
  ["roundRobin", roundRobin()],
  ["leastLoaded", leastLoaded()],
  ["ewma", peakEwma()],
];
const plain = kinds.map(([name, kind]) => [name, balancedClient({ kind })] as const);
const withBreaker = kinds
  .slice(1)
  .map(([name, kind]) => [`${name} + accrual`, balancedClient({ kind, accrual: consecutiveFailures(5) })] as const);

/** A server that begins cold, and is slow once more later. */
export const coldStart: Scenario = scenario({
  name: "cold-start",
  summary: "One server of eleven warms up for 10 s, and is ten times slower from 19 s to 23 s",
  faults: [during(0, 10_000, warmUp(5)), during(19_000, 23_000, slow(10))],
  marks: [
    { fromMs: 0, toMs: 10_000, label: "warms up" },
    { fromMs: 19_000, toMs: 23_000, label: "x10" },
  ],
  clients: plain,
  claims: (results) => [
    between("round robin answers", results.run("roundRobin").success, 0.989, 0.994, percent),
    between("least loaded answers", results.run("leastLoaded").success, 0.998, 0.9993, percent),
    atLeast("peak EWMA answers", results.run("ewma").success, 0.9994, percent),
    atMost("of what least loaded gives to the cold one, peak EWMA gives", coldShare(results), 0.5, percent),
  ],
});

export const slowMiddle: Scenario = scenario({
  name: "slow-middle",
  summary: "One server of eleven is ten times slower from 15 s to the end",
  faults: [during(15_000, 45_000, slow(10))],
  marks: [{ fromMs: 15_000, toMs: 45_000, label: "x10" }],
  clients: plain,
  claims: (results) => [
    between("round robin answers", results.run("roundRobin").success, 0.935, 0.945, percent),
    between("least loaded answers", results.run("leastLoaded").success, 0.99, 0.994, percent),
    atLeast("peak EWMA answers", results.run("ewma").success, 0.998, percent),
    atMost("99th percentile with peak EWMA, ms", results.run("ewma").latency.p99Ms, 200),
  ],
});

export const temporaryFailure: Scenario = scenario({
  name: "temporary-failure",
  summary: "One server of eleven fails every request from 10 s to 25 s",
  faults: [during(10_000, 25_000, erring())],
  marks: [{ fromMs: 10_000, toMs: 25_000, label: "fails" }],
  clients: [...plain, ...withBreaker],
  claims: (results) => [
    between("round robin answers", results.run("roundRobin").success, 0.965, 0.974, percent),
    between("least loaded answers", results.run("leastLoaded").success, 0.965, 0.974, percent),
    atLeast("peak EWMA answers", results.run("ewma").success, 0.9985, percent),
    atLeast("least loaded with a breaker answers", results.run("leastLoaded + accrual").success, 0.999, percent),
    atLeast("peak EWMA with a breaker answers", results.run("ewma + accrual").success, 0.999, percent),
  ],
});

export const permanentFailure: Scenario = scenario({
  name: "permanent-failure",
  summary: "One server of eleven fails every request from 10 s on",
  faults: [since(10_000, erring())],
  marks: [{ fromMs: 10_000, toMs: durationMs, label: "fails" }],
  clients: [...plain, ...withBreaker],
  claims: (results) => [
    between("round robin answers", results.run("roundRobin").success, 0.924, 0.934, percent),
    between("least loaded answers", results.run("leastLoaded").success, 0.924, 0.934, percent),
    atLeast("peak EWMA answers", results.run("ewma").success, 0.997, percent),
    atLeast("least loaded with a breaker answers", results.run("leastLoaded + accrual").success, 0.999, percent),
    atLeast("peak EWMA with a breaker answers", results.run("ewma + accrual").success, 0.999, percent),
  ],
});
