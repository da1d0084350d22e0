import type { Chart } from "./chart.ts";
import { defaultCharts } from "./report/default-charts.ts";
import type { ExperimentResult } from "./result.ts";
import { runExperiment } from "./run-experiment.ts";
import { type Claim, Results, type Scenario } from "./scenario.ts";

/** A scenario that has been run. */
export interface Report {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly results: Results;
  readonly claims: readonly Claim[];
  readonly charts: readonly Chart[];
}

export interface RunScenarioOptions {
  /** 1 if not given. */
  readonly seed?: number;
  /** Hears which experiment runs, and what share of it is over. */
  readonly progress?: (experiment: string, share: number) => void;
}

/** Runs the experiments of a scenario, one after the other, and looks at what they show. */
export async function runScenario(scenario: Scenario, options: RunScenarioOptions = {}): Promise<Report> {
  const { seed = 1, progress } = options;
  const all: ExperimentResult[] = [];
  for (const experiment of scenario.experiments) {
    const { name } = experiment;
    const heard = progress === undefined ? {} : { progress: (share: number) => progress(name, share) };
    // The overloads are for callers who know what they run.
    all.push(
      experiment.kind === "traffic"
        ? await runExperiment(experiment, { seed, ...heard })
        : await runExperiment(experiment, { seed, ...heard }),
    );
  }
  const results = new Results(all);
  return {
    scenario,
    seed,
    results,
    claims: scenario.claims?.(results) ?? [],
    charts: scenario.charts?.(results) ?? defaultCharts(results),
  };
}
