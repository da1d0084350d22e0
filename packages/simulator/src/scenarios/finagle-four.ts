import { type BalancerKind, leastLoaded, peakEwma } from "@weftmesh/balancer";
import { consecutiveFailures } from "@weftmesh/failure-accrual";
import { constantArrivals } from "../arrivals.ts";
import { backends, type Mark, type StackSpec, type TrafficExperiment } from "../experiment.ts";
import { during, erring, type Fault, since, slow, warmUp } from "../fault.ts";
import { type Latency, percentileLatency } from "../latency.ts";
import type { TrafficResult } from "../result.ts";
import type { Claim, Results, Scenario } from "../scenario.ts";
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

export function toOdd(run: TrafficResult): number {
  return run.tiers[0]?.backends[odd]?.arrived ?? 0;
}

const kinds: readonly (readonly [string, BalancerKind])[] = [
  ["leastLoaded", leastLoaded()],
  ["ewma", peakEwma()],
];
const plain = kinds.map(([name, kind]) => [name, balancedClient({ kind })] as const);
const withBreaker = kinds.map(
  ([name, kind]) => [`${name} + accrual`, balancedClient({ kind, accrual: consecutiveFailures(5) })] as const,
);

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
  claims: () => [],
});

export const slowMiddle: Scenario = scenario({
  name: "slow-middle",
  summary: "One server of eleven is ten times slower from 15 s to the end",
  faults: [during(15_000, 45_000, slow(10))],
  marks: [{ fromMs: 15_000, toMs: 45_000, label: "x10" }],
  clients: plain,
  claims: () => [],
});

export const temporaryFailure: Scenario = scenario({
  name: "temporary-failure",
  summary: "One server of eleven fails every request from 10 s to 25 s",
  faults: [during(10_000, 25_000, erring())],
  marks: [{ fromMs: 10_000, toMs: 25_000, label: "fails" }],
  clients: [...plain, ...withBreaker],
  claims: () => [],
});

export const permanentFailure: Scenario = scenario({
  name: "permanent-failure",
  summary: "One server of eleven fails every request from 10 s on",
  faults: [since(10_000, erring())],
  marks: [{ fromMs: 10_000, toMs: durationMs, label: "fails" }],
  clients: [...plain, ...withBreaker],
  claims: () => [],
});
