import type { Mark } from "./experiment.ts";

/** What stands at an axis: `%` of 0 to 1, milliseconds, or a plain number. */
export type AxisUnit = "percent" | "ms" | "count";

export interface LineSeries {
  readonly name: string;
  /** One per span of time; what is not a number is a gap. */
  readonly values: readonly number[];
}

/** How something went over time: one line for each variant. */
export interface LineChart {
  readonly kind: "lines";
  readonly title: string;
  readonly yLabel: string;
  readonly unit: AxisUnit;
  /** How much time a value stands for. */
  readonly bucketMs: number;
  readonly series: readonly LineSeries[];
  readonly marks?: readonly Mark[];
  /** Where the axis ends; by the values if not given. */
  readonly min?: number;
  readonly max?: number;
  /** Whether equal distances are equal factors. */
  readonly log?: boolean;
}

/** Something of several things, side by side: groups of bars, one bar of each group for each variant. */
export interface BarChart {
  readonly kind: "bars";
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly unit: AxisUnit;
  readonly groups: readonly string[];
  readonly series: readonly LineSeries[];
}

export type Chart = LineChart | BarChart;
