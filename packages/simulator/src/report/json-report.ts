import type { ExperimentResult } from "../result.ts";
import type { Report } from "../run-scenario.ts";

/**
 * A report for programs. The same seed gives the same text, to the last byte: what differs from run to run, as times
 * of this machine do, is not in it.
 */
export function jsonReport(report: Report): string {
  const { scenario, seed, results } = report;
  const claims = report.claims.filter((claim) => claim.ofMachine !== true);
  const written = {
    scenario: scenario.name,
    seed,
    holds: claims.every((claim) => claim.holds),
    claims,
    results: results.all.map(stable),
  };
  return `${JSON.stringify(written, shorten, 2)}\n`;
}

function stable(result: ExperimentResult): object {
  if (result.kind === "measured") {
    const { machine: _, ...rest } = result;
    return rest;
  }
  const { times: _, ...rest } = result;
  return rest;
}

/** Nine digits are more than a simulation means, and JSON has no infinity. */
function shorten(_key: string, value: unknown): unknown {
  if (typeof value !== "number") return value;
  if (!Number.isFinite(value)) return null;
  return Number.isInteger(value) ? value : Number(value.toPrecision(9));
}
