import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isMain } from "./workspace.ts";

interface Report {
  readonly numPassedTests?: number;
  readonly numFailedTests?: number;
  readonly success?: boolean;
}

export interface Summary {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Counts the tests of every report. A step that failed although no test did, such as the typecheck, counts as one
 * failure, and so does a run in which no test passed at all.
 */
export function summarize(reports: readonly Report[], steps: readonly string[]): Summary {
  let [passed, failed] = [0, 0];
  for (const report of reports) {
    passed += report.numPassedTests ?? 0;
    failed += report.numFailedTests ?? 0;
    if (report.success !== true && (report.numFailedTests ?? 0) === 0) failed++;
  }
  if (failed === 0) failed = steps.filter((each) => !each.startsWith("ok ")).length;
  if (failed === 0 && passed === 0) failed = 1;
  return { passed, failed };
}

/** Reads what `.ci/run` left in the folder. */
export function readLogs(folder: string): Summary {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  const reports = names.map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Report);
  const stepsFile = join(folder, "steps");
  const steps = existsSync(stepsFile)
    ? readFileSync(stepsFile, "utf8").split("\n").filter(Boolean)
    : ["failed install"];
  return summarize(reports, steps);
}

if (isMain(import.meta.url)) {
  const { passed, failed } = readLogs(process.argv[2] ?? "logs/ci");
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
