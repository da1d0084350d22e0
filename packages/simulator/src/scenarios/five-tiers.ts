import { deadline } from "@weftmesh/timeout";
import { poissonArrivals } from "../arrivals.ts";
import type { Chart } from "../chart.ts";
import { backends, type Tier, type TrafficExperiment } from "../experiment.ts";
import { during, lessCapacity } from "../fault.ts";
import { exponentialLatency } from "../latency.ts";
import { successChart } from "../report/default-charts.ts";
import type { TrafficResult } from "../result.ts";
import { atLeast, atMost, percent, type Results, type Scenario } from "../scenario.ts";
import { defaultBudget, noBudget, retryingClient } from "./stacks.ts";

export interface FiveTiersOptions {
  /** Servers of each tier, each with five workers and 100 ms of work: 50 calls a second. */
  readonly servers: number;
  readonly faultMs: number;
  /** How long is watched after the fault. */
  readonly afterMs: number;
}

const tierCount = 5;
const workers = 5;
/** Ten seconds of work may wait at a server. */
const maxQueue = 500;
const workMs = 100;
const utilisation = 0.7;
const left = 0.6;
const fromMs = 20_000;
const totalTimeoutMs = 3000;
const names = Array.from({ length: tierCount }, (_, i) => `tier${i + 1}`);

interface Protection {
  readonly budgets: boolean;
  readonly deadlines: boolean;
}

function experiment(name: string, options: FiveTiersOptions, { budgets, deadlines }: Protection): TrafficExperiment {
  const { servers, faultMs, afterMs } = options;
  const through = retryingClient({
    budget: budgets ? defaultBudget : noBudget,
    maxRetries: 3,
    attemptTimeoutMs: 1500,
    ...(deadlines ? { totalTimeoutMs } : {}),
  });
  const spec = { latency: exponentialLatency(workMs), workers, maxQueue };
  const toMs = fromMs + faultMs;
  const faults = [during(fromMs, toMs, lessCapacity(left))];
  const tiers = names.map((tierName, i): Tier => {
    const to = names[i + 1];
    return {
      name: tierName,
      backends: backends(servers, to === undefined ? { ...spec, faults } : spec),
      ...(to === undefined ? {} : { downstream: [{ to, through }] }),
      ...(deadlines ? { readsDeadlines: true, stopsAbandoned: true, server: { modules: [deadline()] } } : {}),
    };
  });
  return {
    kind: "traffic",
    name,
    durationMs: toMs + afterMs,
    drainMs: totalTimeoutMs,
    successWithinMs: totalTimeoutMs,
    tiers,
    load: { to: "tier1", arrivals: poissonArrivals((utilisation * servers * workers * 1000) / workMs), through },
    marks: [{ fromMs, toMs, label: "the last tier has lost 40 %" }],
  };
}

/** Spans that are looked at together, so that one request of a second is not the end of it. */
const window = 5;

/** How long after the fault it takes until 99 % succeed and go on to, in ms; `Infinity` when that does not come about. */
export function recoveryMs(run: TrafficResult): number {
  const endMs = run.marks[0]?.toMs ?? 0;
  const { requests, successes } = run.series;
  const isWell = (from: number): boolean => {
    let sent = 0;
    let well = 0;
    for (let i = from; i < from + window; i++) {
      sent += requests[i] ?? 0;
      well += successes[i] ?? 0;
    }
    return well >= 0.99 * sent;
  };
  let recovered = Number.POSITIVE_INFINITY;
  for (let i = requests.length - window; i >= 0 && isWell(i); i--) recovered = i * run.bucketMs;
  return Math.max(recovered - endMs, 0);
}

/** The success of the last ten spans. */
export function successAtEnd(run: TrafficResult): number {
  const sum = (values: readonly number[]): number => values.slice(-10).reduce((all, value) => all + value, 0);
  return sum(run.series.successes) / sum(run.series.requests);
}

function charts(results: Results): Chart[] {
  const { runs } = results;
  const first = runs[0];
  if (first === undefined) return [];
  const { bucketMs, marks } = first;
  const lines = (title: string, yLabel: string, of: (run: TrafficResult) => readonly number[]): Chart => ({
    kind: "lines",
    title,
    yLabel,
    unit: "count",
    bucketMs,
    marks,
    series: runs.map((run) => ({ name: run.name, values: of(run) })),
  });
  return [
    successChart(runs, first),
    lines("Calls that reach the last tier, a second", "calls", (run) => run.tiers.at(-1)?.series.arrived ?? []),
    lines("Calls that wait in the last tier", "calls", (run) => run.tiers.at(-1)?.series.queued ?? []),
  ];
}

export function newFiveTiers(options: FiveTiersOptions): Scenario {
  const limitMs = 2 * defaultBudget.ttlMs;
  return {
    name: "five-tiers",
    summary: `Five tiers at 70 %, of which the last loses 40 % of its workers for ${options.faultMs / 1000} s`,
    about:
      "A metastable failure: without budgets and deadlines the retries of every tier, and work for callers that have " +
      "gone, keep the tiers overloaded long after the last one is whole again. Budgets alone bound each tier to 1.2 " +
      "times its calls, which over five of them is still too much; with deadlines as well nothing of that is left.",
    experiments: [
      experiment("neither", options, { budgets: false, deadlines: false }),
      experiment("budgets", options, { budgets: true, deadlines: false }),
      experiment("deadlines", options, { budgets: false, deadlines: true }),
      experiment("budgets and deadlines", options, { budgets: true, deadlines: true }),
    ],
    columns: [
      { title: "recovers after s", of: (run) => recoveryMs(run) / 1000 },
      { title: "success at the end", of: (run) => percent(successAtEnd(run)) },
    ],
    claims: (results) => [
      atMost("recovery with budgets and deadlines, ms", recoveryMs(results.run("budgets and deadlines")), limitMs),
      atMost("success at the end with neither", successAtEnd(results.run("neither")), 0.5, percent),
      atLeast("recovery with neither, ms", recoveryMs(results.run("neither")), options.afterMs),
    ],
    charts,
  };
}

/** A cascade that ends by itself, and one that does not. */
export const fiveTiers: Scenario = newFiveTiers({ servers: 2, faultMs: 20_000, afterMs: 60_000 });
