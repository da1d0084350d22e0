import type { Chart, LineSeries } from "../chart.ts";
import type { TrafficResult } from "../result.ts";
import type { Results } from "../scenario.ts";

/** More bars than this are a wall. */
const mostBars = 60;

/** Success, latency and load per server, of every experiment with traffic. */
export function defaultCharts(results: Results): readonly Chart[] {
  const { runs } = results;
  const first = runs[0];
  if (first === undefined) return [];
  const charts: Chart[] = [successChart(runs, first), latencyChart(runs, first)];
  const load = loadChart(runs, first);
  return load === undefined ? charts : [...charts, load];
}

function over(runs: readonly TrafficResult[], of: (run: TrafficResult) => readonly number[]): LineSeries[] {
  return runs.map((run) => ({ name: run.name, values: of(run) }));
}

/** The share of requests, by the time of their sending, that were answered well and within the limit. */
export function successChart(runs: readonly TrafficResult[], first: TrafficResult): Chart {
  const limit = Number.isFinite(first.successWithinMs) ? ` within ${first.successWithinMs} ms` : "";
  return {
    kind: "lines",
    title: `Answered well${limit}`,
    yLabel: "of all requests",
    unit: "percent",
    bucketMs: first.bucketMs,
    marks: first.marks,
    max: 1,
    series: over(runs, ({ series }) => series.requests.map((sent, i) => (series.successes[i] ?? 0) / sent)),
  };
}

export function latencyChart(runs: readonly TrafficResult[], first: TrafficResult): Chart {
  return {
    kind: "lines",
    title: "Latency, 99th percentile",
    yLabel: "ms",
    unit: "ms",
    log: true,
    bucketMs: first.bucketMs,
    marks: first.marks,
    series: over(runs, ({ series }) => series.p99Ms.map((ms) => (ms > 0 ? ms : Number.NaN))),
  };
}

function loadChart(runs: readonly TrafficResult[], first: TrafficResult): Chart | undefined {
  const tier = first.tiers[0];
  if (tier === undefined || tier.backends.length * runs.length > mostBars) return undefined;
  return {
    kind: "bars",
    title: `Calls per server of ${tier.name}`,
    xLabel: "server",
    yLabel: "calls",
    unit: "count",
    groups: tier.backends.map(({ name }) => name),
    series: runs.map(({ name, tiers }) => ({
      name,
      values: tiers[0]?.backends.map(({ arrived }) => arrived) ?? [],
    })),
  };
}
