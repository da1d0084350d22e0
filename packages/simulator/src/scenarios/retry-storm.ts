import { consecutiveFailures } from "@weftmesh/failure-accrual";
import { constantArrivals } from "../arrivals.ts";
import { ScenarioError } from "../errors.ts";
import { backends, type StackSpec, type TrafficExperiment } from "../experiment.ts";
import { during, erring, type FaultEffect, refusing } from "../fault.ts";
import { exponentialLatency } from "../latency.ts";
import type { TrafficResult } from "../result.ts";
import { type RetryBound, retryBound } from "../retry-bound.ts";
import { atLeast, atMost, type Claim, type Results, type Scenario } from "../scenario.ts";
import { defaultBudget, noBudget, retryingClient } from "./stacks.ts";

export interface RetryStormOptions {
  readonly rps: number;
  readonly outageMs: number;
}

const calmMs = 10_000;
const servers = 10;
const failuresToEject = 5;
const tierName = "web";

function experiment(
  name: string,
  effect: FaultEffect,
  through: StackSpec,
  { rps, outageMs }: RetryStormOptions,
): TrafficExperiment {
  return {
    kind: "traffic",
    name,
    durationMs: outageMs + 2 * calmMs,
    successWithinMs: 1000,
    tiers: [
      {
        name: tierName,
        backends: backends(servers, {
          latency: exponentialLatency(20),
          faults: [during(calmMs, calmMs + outageMs, effect)],
        }),
      },
    ],
    load: { to: tierName, arrivals: constantArrivals(rps), through, keepsTimes: true },
    watch: ["retries/budget"],
    marks: [{ fromMs: calmMs, toMs: calmMs + outageMs, label: "every server is out" }],
  };
}

/** How near the run came to what its budget allows, over every window. */
export function boundOf(run: TrafficResult): RetryBound {
  if (run.times === undefined) throw new ScenarioError(`${run.name} does not keep its times`);
  return retryBound(run.times.requestsMs, run.times.retriesMs, defaultBudget);
}

/** Attempts for each request. */
export function amplification(run: TrafficResult): number {
  return (run.clients[0]?.attempts ?? 0) / run.requests;
}

function claims(results: Results): Claim[] {
  const run = results.run("budget");
  const { ttlMs, minRetriesPerSec, percentCanRetry } = defaultBudget;
  const most = 1 + percentCanRetry + (minRetriesPerSec * (run.durationMs + ttlMs)) / 1000 / run.requests;
  const naive = results.run("three retries, no budget");
  const refused = results.run("budget, connections refused");
  const show = (value: number): string => value.toFixed(3);
  return [
    atLeast("G15: allowed and unused retries in the worst window", boundOf(run).slack, 0, show),
    atMost("G15: attempts for each request, with the budget", amplification(run), most, show),
    atLeast("attempts for each request in the outage, without", inOutage(naive), 3.9, show),
    // A call looks for a connection again without paying, until the breakers have taken every endpoint out.
    atLeast("G15: the same where connections are refused", boundOf(refused).slack, -servers * failuresToEject, show),
  ];
}

function inOutage(run: TrafficResult): number {
  const [mark] = run.marks;
  const from = (mark?.fromMs ?? 0) / run.bucketMs + 1;
  const to = (mark?.toMs ?? 0) / run.bucketMs - 1;
  const sum = (values: readonly number[]): number => values.slice(from, to).reduce((all, value) => all + value, 0);
  return sum(run.clients[0]?.series.attempts ?? []) / sum(run.series.requests);
}

export function newRetryStorm(options: RetryStormOptions): Scenario {
  const down = erring({ afterMs: 1 });
  return {
    name: "retry-storm",
    summary: `Every server is out for ${options.outageMs / 1000} s at ${options.rps} requests a second`,
    about:
      "What retries add to an outage: with Linkerd's budget, 10 a second and one for each five requests, and with three " +
      "retries of each request and no budget.",
    experiments: [
      experiment("budget", down, retryingClient(), options),
      experiment("three retries, no budget", down, retryingClient({ budget: noBudget, maxRetries: 3 }), options),
      experiment(
        "budget, connections refused",
        refusing(),
        retryingClient({ accrual: consecutiveFailures(failuresToEject) }),
        options,
      ),
    ],
    columns: [
      { title: "attempts per request", of: (run) => amplification(run) },
      { title: "unused in the worst window", of: (run) => boundOf(run).slack },
    ],
    claims,
    charts: (results) => {
      const { runs } = results;
      const bucketMs = runs[0]?.bucketMs ?? 1000;
      const marks = runs[0]?.marks ?? [];
      return [
        {
          kind: "lines",
          title: "Attempts a second",
          yLabel: "attempts",
          unit: "count",
          bucketMs,
          marks,
          series: runs.map((run) => ({ name: run.name, values: run.clients[0]?.series.attempts ?? [] })),
        },
        {
          kind: "lines",
          title: "Retries that the budget would pay at once",
          yLabel: "retries",
          unit: "count",
          bucketMs,
          marks,
          series: runs
            .filter(({ name }) => !name.includes("no budget"))
            .map((run) => ({ name: run.name, values: run.series.watched["retries/budget"] ?? [] })),
        },
      ];
    },
  };
}

/** G15: what a full outage does to the number of attempts. */
export const retryStorm: Scenario = newRetryStorm({ rps: 1000, outageMs: 60_000 });
