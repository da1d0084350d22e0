import type { MeasuredResult, TrafficResult } from "../result.ts";
import type { Report } from "../run-scenario.ts";
import type { Claim, Column } from "../scenario.ts";
import type { Paint } from "./paint.ts";
import { sparkline } from "./sparkline.ts";
import { type Cell, showNumber, table } from "./table.ts";

const sparkWidth = 24;

/** A report for people: what was run, its figures, and what they show. */
export function textReport(report: Report, paint: Paint): string {
  const { scenario, seed, results, claims } = report;
  const parts = [`${paint.bold(scenario.name)}: ${scenario.summary} ${paint.faint(`(seed ${seed})`)}\n`];
  if (scenario.about !== undefined) parts.push(`${paint.faint(wrap(scenario.about, 100))}\n`);
  if (results.runs.length > 0) parts.push(`\n${trafficTable(results.runs, scenario.columns ?? [], paint)}`);
  const failures = results.runs.filter((run) => run.failed > 0);
  if (failures.length > 0) parts.push(`\n${failureTable(failures, paint)}`);
  const measured = results.all.filter((result) => result.kind === "measured");
  if (measured.length > 0) parts.push(`\n${measuredTable(measured, paint)}`);
  if (claims.length > 0) parts.push(`\n${claimTable(claims, paint)}`);
  return parts.join("");
}

function trafficTable(runs: readonly TrafficResult[], columns: readonly Column[], paint: Paint): string {
  const limits = new Set(runs.map((run) => run.successWithinMs));
  const [limit] = limits;
  const title = limits.size === 1 && Number.isFinite(limit) ? `within ${limit} ms` : "success";
  const titles = ["experiment", "requests", title, "p50", "p95", "p99", "p99.9", "max ms", "retries"];
  const shares = runs.map(({ series }) => series.requests.map((sent, i) => (series.successes[i] ?? 0) / sent));
  const floor = floorOf(shares.flat());
  const rows = runs.map((run, i): Cell[] => {
    const { latency } = run;
    const success = (shares[i] ?? []).map((share) => (share - floor) / (1 - floor));
    return [
      run.name,
      run.requests,
      `${(run.success * 100).toFixed(3)} %`,
      ...[latency.p50Ms, latency.p95Ms, latency.p99Ms, latency.p999Ms, latency.maxMs].map(oneDecimal),
      run.clients[0]?.retries ?? 0,
      ...columns.map((column) => column.of(run)),
      sparkline(success, sparkWidth),
    ];
  });
  const all = [...titles, ...columns.map((column) => column.title), `success over time, ${floor * 100} to 100 %`];
  return table(all, rows, { heading: paint.bold });
}

function failureTable(runs: readonly TrafficResult[], paint: Paint): string {
  const kinds = [...new Set(runs.flatMap((run) => Object.keys(run.failures)))].sort();
  const rows = runs.map((run): Cell[] => [run.name, ...kinds.map((kind) => run.failures[kind] ?? 0), run.inFlight]);
  return table(["failed by", ...kinds, "in flight"], rows, { heading: paint.bold });
}

function measuredTable(results: readonly MeasuredResult[], paint: Paint): string {
  const rows = results.flatMap(({ name, figures, machine }) => [
    ...Object.entries(figures).map(([figure, value]): Cell[] => [name, figure, showNumber(value)]),
    ...Object.entries(machine).map(([figure, value]): Cell[] => [name, `${figure} (this machine)`, showNumber(value)]),
  ]);
  return table(["experiment", "figure", "value"], rows, { heading: paint.bold });
}

function claimTable(claims: readonly Claim[], paint: Paint): string {
  const rows = claims.map(({ holds, what, found, expected }): Cell[] => [
    holds ? paint.good("holds") : paint.bad("FAILS"),
    what,
    found,
    expected,
  ]);
  // Colours have a length of their own, which all cells of the column share.
  return table(["claim", "what", "found", "expected"], rows, { heading: paint.bold });
}

/** Where the bars begin, so that they differ. */
function floorOf(shares: readonly number[]): number {
  const least = shares.filter(Number.isFinite).reduce((min, share) => Math.min(min, share), 1);
  return [0.99, 0.9, 0.5].find((floor) => least >= floor) ?? 0;
}

function oneDecimal(ms: number): string {
  return ms.toFixed(1);
}

function wrap(text: string, width: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.join("\n");
}
