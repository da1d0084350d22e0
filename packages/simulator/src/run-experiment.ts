import type { Experiment, MeasuredExperiment, TrafficExperiment } from "./experiment.ts";
import { LoadRecorder } from "./measure/load-recorder.ts";
import { summarizeLatencies } from "./measure/percentiles.ts";
import { readMetrics } from "./measure/read-metrics.ts";
import { Sampler } from "./measure/sampler.ts";
import type {
  BackendResult,
  ClientsResult,
  ExperimentResult,
  MeasuredResult,
  TierResult,
  TrafficResult,
} from "./result.ts";
import { seededRng } from "./seeded-rng.ts";
import type { Backend } from "./world/backend.ts";
import type { ClientGroup } from "./world/client-group.ts";
import { LoadGenerator } from "./world/load-generator.ts";
import type { TierWorld } from "./world/tier-world.ts";
import { World } from "./world/world.ts";

export interface RunOptions {
  /** 1 if not given. The same seed gives the same result, to the last bit. */
  readonly seed?: number;
  /** Hears, a hundred times or so, what share of the run is over. */
  readonly progress?: (share: number) => void;
}

const progressSteps = 100;

/** Runs one experiment in virtual time. Errors: `WEFT_SCENARIO` for one that makes no sense, else what a module throws. */
export function runExperiment(experiment: TrafficExperiment, options?: RunOptions): Promise<TrafficResult>;
export function runExperiment(experiment: MeasuredExperiment, options?: RunOptions): Promise<MeasuredResult>;
export function runExperiment(experiment: Experiment, options?: RunOptions): Promise<ExperimentResult>;
export function runExperiment(experiment: Experiment, options: RunOptions = {}): Promise<ExperimentResult> {
  return experiment.kind === "traffic" ? runTraffic(experiment, options) : runMeasured(experiment, options);
}

async function runMeasured(experiment: MeasuredExperiment, options: RunOptions): Promise<MeasuredResult> {
  const { seed = 1, progress = () => {} } = options;
  const { figures, machine = {} } = await experiment.measure({ rng: seededRng(seed), seed, progress });
  return { kind: "measured", name: experiment.name, seed, figures, machine };
}

async function runTraffic(experiment: TrafficExperiment, options: RunOptions): Promise<TrafficResult> {
  const { seed = 1, progress } = options;
  const { load, durationMs, drainMs = 60_000, bucketMs = 1000 } = experiment;
  const limitMs = experiment.successWithinMs ?? Number.POSITIVE_INFINITY;
  const world = new World(experiment, seed, bucketMs);
  const { clock } = world;
  const recorder = new LoadRecorder(limitMs, bucketMs, load.keepsTimes === true);
  const watch = experiment.watch ?? [];
  const sampler = new Sampler(world, watch, bucketMs);
  let draining = false;
  const ended = (): void => {
    if (draining && recorder.inFlight === 0) clock.stop();
  };
  const rng = world.rng.stream("load");
  const { arrivals } = load;
  new LoadGenerator({ arrivals, clients: world.clients, recorder, clock, rng, untilMs: durationMs, ended }).start();
  for (let step = 1; step <= progressSteps; step++) {
    await clock.run((durationMs * step) / progressSteps);
    progress?.(step / progressSteps);
  }
  draining = true;
  if (recorder.inFlight > 0) await clock.run(durationMs + drainMs);
  const endedMs = clock.now();
  const spans = Math.ceil(endedMs / bucketMs);
  sampler.finish();
  return {
    kind: "traffic",
    name: experiment.name,
    seed,
    durationMs,
    endedMs,
    events: clock.fired,
    requests: recorder.requests,
    answered: recorder.answered,
    failed: recorder.failed,
    inFlight: recorder.inFlight,
    failures: Object.fromEntries([...recorder.failures].sort(([a], [b]) => (a < b ? -1 : 1))),
    success: recorder.requests === 0 ? 0 : recorder.withinLimit / recorder.requests,
    successWithinMs: limitMs,
    latency: summarizeLatencies(recorder.latenciesMs.sorted()),
    tiers: [...world.tiers.values()].map((tier) => tierResult(tier, sampler, spans)),
    clients: world.groups.map((group) => clientsResult(group, world, spans)),
    bucketMs,
    series: { ...recorder.series(Math.ceil(durationMs / bucketMs)), watched: sampler.watched() },
    marks: experiment.marks ?? [],
    times:
      recorder.requestTimesMs === undefined || world.groups[0]?.retryTimesMs === undefined
        ? undefined
        : { requestsMs: recorder.requestTimesMs.view(), retriesMs: world.groups[0].retryTimesMs.view() },
  };
}

function tierResult(world: TierWorld, sampler: Sampler, spans: number): TierResult {
  const arrived = world.backends.reduce((sum, backend) => sum + backend.arrived, 0);
  return {
    name: world.tier.name,
    arrived,
    backends: world.backends.map((backend) => backendResult(backend, arrived)),
    series: sampler.tier(world, spans),
  };
}

function backendResult(backend: Backend, ofTier: number): BackendResult {
  const { name, arrived, answered, errors, refused, abandoned, wasted, inside } = backend;
  const { connects, connectFailures, sessions, utilisation, meanInside, sojournMs, maxQueue } = backend;
  return {
    name,
    arrived,
    share: ofTier === 0 ? 0 : arrived / ofTier,
    answered,
    errors,
    refused,
    abandoned,
    wasted,
    inside,
    connects,
    connectFailures,
    sessions,
    utilisation,
    meanInside,
    meanSojournMs: answered === 0 ? 0 : sojournMs / answered,
    maxQueue,
  };
}

function clientsResult(group: ClientGroup, world: World, spans: number): ClientsResult {
  return {
    name: group.name,
    calls: group.calls,
    attempts: group.attempts,
    retries: group.retries,
    series: { attempts: group.attemptsOverTime.read(spans), retries: group.retriesOverTime.read(spans) },
    metrics: readMetrics(world.registry, group.name),
  };
}
