import type { Chart } from "./chart.ts";
import { ScenarioError } from "./errors.ts";
import type { Experiment } from "./experiment.ts";
import { showNumber } from "./report/table.ts";
import type { ExperimentResult, MeasuredResult, TrafficResult } from "./result.ts";

/** Something that the results must show. */
export interface Claim {
  readonly what: string;
  /** What was found, as it is shown. */
  readonly found: string;
  readonly expected: string;
  readonly holds: boolean;
  /** It rests on what differs from run to run, such as a time of this machine: not part of the JSON. */
  readonly ofMachine?: boolean;
}

/** A further column of the table of results. */
export interface Column {
  readonly title: string;
  of(result: TrafficResult): string | number;
}

/**
 * Experiments that belong together, such as one for each way to balance, and what they are to show.
 *
 * Shape: data, so that anybody can write one and run it with `runScenario` or, from a file, with the command.
 */
export interface Scenario {
  /** Lower case with hyphens; how the command knows it. */
  readonly name: string;
  /** One line, for the list. */
  readonly summary: string;
  /** What is simulated and where it comes from, for whoever reads the results. */
  readonly about?: string;
  readonly experiments: readonly Experiment[];
  readonly columns?: readonly Column[];
  claims?(results: Results): readonly Claim[];
  /** Success, latency and load per server if not given. */
  charts?(results: Results): readonly Chart[];
}

/** What the experiments of a scenario came to, in their order. */
export class Results {
  readonly all: readonly ExperimentResult[];

  constructor(all: readonly ExperimentResult[]) {
    this.all = all;
  }

  /** Those with traffic. */
  get runs(): readonly TrafficResult[] {
    return this.all.filter((result) => result.kind === "traffic");
  }

  /** Errors: `WEFT_SCENARIO` when there is none of the name. */
  run(name: string): TrafficResult {
    const found = this.all.find((result) => result.name === name);
    if (found?.kind === "traffic") return found;
    throw new ScenarioError(`there is no experiment with traffic named ${name}`);
  }

  measured(name: string): MeasuredResult {
    const found = this.all.find((result) => result.name === name);
    if (found?.kind === "measured") return found;
    throw new ScenarioError(`there is no measured experiment named ${name}`);
  }
}

/** `value` is at least `limit`. */
export function atLeast(
  what: string,
  value: number,
  limit: number,
  show: (value: number) => string = showNumber,
): Claim {
  return { what, found: show(value), expected: `>= ${show(limit)}`, holds: value >= limit };
}

/** `value` is at most `limit`. */
export function atMost(
  what: string,
  value: number,
  limit: number,
  show: (value: number) => string = showNumber,
): Claim {
  return { what, found: show(value), expected: `<= ${show(limit)}`, holds: value <= limit };
}

/** `value` lies from `low` to `high`. */
export function between(
  what: string,
  value: number,
  low: number,
  high: number,
  show: (value: number) => string = showNumber,
): Claim {
  const holds = value >= low && value <= high;
  return { what, found: show(value), expected: `${show(low)} to ${show(high)}`, holds };
}

/** A claim about a time or a size that another machine has otherwise. */
export function onThisMachine(claim: Claim): Claim {
  return { ...claim, ofMachine: true };
}

/** A share, 0 to 1, in per cent with three decimals. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(3)} %`;
}
