export {
  type Arrivals,
  type BurstOptions,
  burstArrivals,
  type ClosedArrivals,
  type ClosedLoopOptions,
  closedLoop,
  constantArrivals,
  type OpenArrivals,
  poissonArrivals,
  type RampOptions,
  rampArrivals,
  type Spacing,
  scheduledArrivals,
} from "./arrivals.ts";
export type { AxisUnit, BarChart, Chart, LineChart, LineSeries } from "./chart.ts";
export { type CommandStreams, simulateCommand } from "./command/simulate-command.ts";
export { ScenarioError, SimulatedConnectError, SimulatedConnectionLostError } from "./errors.ts";
export {
  type BackendSpec,
  backends,
  type Downstream,
  type Experiment,
  type Figures,
  type Load,
  type Mark,
  type MeasuredExperiment,
  type MeasureTools,
  type Membership,
  type SimService,
  type StackPlace,
  type StackSpec,
  type Tier,
  type TrafficExperiment,
} from "./experiment.ts";
export {
  brownOut,
  during,
  type ErringOptions,
  erring,
  type Fault,
  type FaultEffect,
  type FlapOptions,
  flapping,
  lessCapacity,
  refusing,
  silent,
  since,
  slow,
  takes,
  warmUp,
} from "./fault.ts";
export {
  bimodalLatency,
  constantLatency,
  exponentialLatency,
  type HistogramBin,
  histogramLatency,
  type Latency,
  lognormalLatency,
  normalLatency,
  type PercentilePoint,
  percentileLatency,
  uniformLatency,
} from "./latency.ts";
export type { LoadSeries } from "./measure/load-recorder.ts";
export type { LatencySummary } from "./measure/percentiles.ts";
export { type RatePoint, RateProfile } from "./rate-profile.ts";
export { jsonReport } from "./report/json-report.ts";
export { newPaint, type Paint, type Surroundings } from "./report/paint.ts";
export { svgReport } from "./report/svg-report.ts";
export { textReport } from "./report/text-report.ts";
export type {
  BackendResult,
  CallTimes,
  ClientsResult,
  ExperimentResult,
  MeasuredResult,
  TierResult,
  TrafficResult,
} from "./result.ts";
export { type RetryBound, type RetryBoundOptions, retryBound } from "./retry-bound.ts";
export { type RunOptions, runExperiment } from "./run-experiment.ts";
export { type Report, type RunScenarioOptions, runScenario } from "./run-scenario.ts";
export {
  atLeast,
  atMost,
  between,
  type Claim,
  type Column,
  onThisMachine,
  percent,
  Results,
  type Scenario,
} from "./scenario.ts";
export { scenarios } from "./scenarios/catalog.ts";
export { type SeededRng, seededRng } from "./seeded-rng.ts";
export { VirtualClock, type VirtualClockOptions } from "./virtual-clock.ts";
