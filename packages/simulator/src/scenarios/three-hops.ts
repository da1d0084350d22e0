import { constantArrivals } from "../arrivals.ts";
import { backends, type Tier, type TrafficExperiment } from "../experiment.ts";
import { during, erring } from "../fault.ts";
import { exponentialLatency } from "../latency.ts";
import type { TrafficResult } from "../result.ts";
import { atMost, between, type Scenario } from "../scenario.ts";
import { nothingMayBeRetried, readsMayBeRetried } from "./classifiers.ts";
import { type Budget, noBudget, retryingClient } from "./stacks.ts";

/** Without a minimum, so that what is left is the law itself: attempts at each hop at most (1 + b) times the calls. */
const b = 0.2;
const budget: Budget = { ttlMs: 10_000, minRetriesPerSec: 0, percentCanRetry: b };
const outage = { fromMs: 5_000, toMs: 35_000 };

export interface ThreeHopsOptions {
  readonly rps: number;
}

/** `everywhere`: each hop retries; else only the one right above what fails. */
function experiment(
  name: string,
  rps: number,
  ofHop: Budget,
  maxRetries: number,
  everywhere: boolean,
): TrafficExperiment {
  const through = (retries: boolean) =>
    retryingClient({ budget: ofHop, maxRetries, classifier: retries ? readsMayBeRetried : nothingMayBeRetried });
  const latency = exponentialLatency(5);
  const tier = (tierName: string, to: string, retries: boolean): Tier => ({
    name: tierName,
    backends: backends(3, { latency }),
    downstream: [{ to, through: through(retries) }],
  });
  const faults = [during(outage.fromMs, outage.toMs, erring({ afterMs: 1 }))];
  return {
    kind: "traffic",
    name,
    durationMs: outage.toMs + 5_000,
    successWithinMs: 1000,
    tiers: [
      tier("front", "middle", everywhere),
      tier("middle", "back", true),
      { name: "back", backends: backends(3, { latency, faults }) },
    ],
    load: { to: "front", arrivals: constantArrivals(rps), through: through(everywhere) },
    marks: [{ ...outage, label: "the last tier fails" }],
  };
}

/** Attempts at the last of three hops, for each request of the outage. */
export function lastHopAttempts(run: TrafficResult): number {
  const last = run.clients.find((clients) => clients.name === "middle to back");
  // From a second after its start, when what there was before is over.
  const from = outage.fromMs / run.bucketMs + 1;
  const to = outage.toMs / run.bucketMs;
  const sum = (values: readonly number[]): number => values.slice(from, to).reduce((all, value) => all + value, 0);
  return sum(last?.series.attempts ?? []) / sum(run.series.requests);
}

export function newThreeHops({ rps }: ThreeHopsOptions): Scenario {
  const show = (value: number): string => value.toFixed(3);
  return {
    name: "three-hops",
    summary: "Retries of three hops in a row, of which the last fails for 30 s",
    about:
      "G18: each hop retries within a budget of 20 % and no minimum, so that all together send at most 1.2^3 = 1.728 " +
      "times what came in; and 1.2 times where only the hop above the failure retries. Two retries a call and no budget " +
      "are 27 times.",
    experiments: [
      experiment("budgets", rps, budget, Number.POSITIVE_INFINITY, true),
      experiment("budgets, one hop retries", rps, budget, Number.POSITIVE_INFINITY, false),
      experiment("two retries, no budget", rps, noBudget, 2, true),
    ],
    columns: [{ title: "attempts at the last hop, per request", of: lastHopAttempts }],
    claims: (results) => [
      // Before the outage the budgets have saved for a ttl, and each client of a tier for itself.
      atMost("G18: attempts at the last hop for each request", wholeRun(results.run("budgets")), (1 + b) ** 3, show),
      atMost("G18: the same where one hop retries", wholeRun(results.run("budgets, one hop retries")), 1 + b, show),
      between("without budgets", lastHopAttempts(results.run("two retries, no budget")), 26.5, 27.5, show),
    ],
    charts: (results) => [
      {
        kind: "lines",
        title: "Attempts at the last hop, a second",
        yLabel: "attempts",
        unit: "count",
        log: true,
        bucketMs: results.runs[0]?.bucketMs ?? 1000,
        marks: results.runs[0]?.marks ?? [],
        series: results.runs.map((run) => ({ name: run.name, values: run.clients.at(-1)?.series.attempts ?? [] })),
      },
    ],
  };
}

/** Attempts at the last hop for each request, over all the run: what a budget bounds whatever was before. */
function wholeRun(run: TrafficResult): number {
  return (run.clients.find((clients) => clients.name === "middle to back")?.attempts ?? 0) / run.requests;
}

/** G18: what retries at every hop come to. */
export const threeHops: Scenario = newThreeHops({ rps: 100 });
