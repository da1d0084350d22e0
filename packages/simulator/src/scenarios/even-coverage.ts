import { aperture, BalancerParam, balancer, ringSlice } from "@weftmesh/balancer";
import { nextInt, Params, type Rng } from "@weftmesh/core";
import { poolModule } from "@weftmesh/pool";
import { constantArrivals } from "../arrivals.ts";
import { backends, type Figures, type MeasureTools, type TrafficExperiment } from "../experiment.ts";
import { constantLatency } from "../latency.ts";
import type { TrafficResult } from "../result.ts";
import { atLeast, atMost, type Scenario } from "../scenario.ts";

const minAperture = 12;

export interface EvenCoverageOptions {
  /** Rings that are tried, each with its own number of servers and clients. */
  readonly rings: number;
  /** How long the clients with real balancers are at work. */
  readonly durationMs: number;
}

/** The greatest difference between what all clients together load a server with, and what it ought to have. */
function coverageError(weights: Float64Array, clients: number): { readonly error: number; readonly most: number } {
  const covered = new Float64Array(weights.length);
  let width = 0;
  let most = 0;
  for (let instanceId = 0; instanceId < clients; instanceId++) {
    const slice = ringSlice(weights, { instanceId, totalInstances: clients }, minAperture);
    let used = 0;
    for (let i = 0; i < slice.length; i++) {
      const part = slice[i] as number;
      covered[i] = (covered[i] as number) + part;
      width += part;
      if (part > 0) used++;
    }
    most = Math.max(most, used);
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let error = 0;
  for (let i = 0; i < weights.length; i++) {
    // Shares of the whole, so that the number of turns round the ring is out of the way.
    const is = (covered[i] as number) / width;
    const should = (weights[i] as number) / total;
    error = Math.max(error, Math.abs(is - should) / should);
  }
  return { error, most };
}

function measureRings(rings: number, weigh: (rng: Rng) => number): (tools: MeasureTools) => Figures {
  return ({ rng, progress }) => {
    let worst = 0;
    let most = 0;
    let slices = 0;
    for (let ring = 0; ring < rings; ring++) {
      const servers = 1 + nextInt(rng, 100);
      const clients = 1 + nextInt(rng, 100);
      const weights = Float64Array.from({ length: servers }, () => weigh(rng));
      const { error, most: used } = coverageError(weights, clients);
      worst = Math.max(worst, error);
      most = Math.max(most, used);
      slices += clients;
      if (ring % 100 === 0) progress(ring / rings);
    }
    return { figures: { rings, slices, "greatest relative error": worst, "most servers of one client": most } };
  };
}

const servers = 30;
const clients = 40;

/** Even arrivals, so that what is uneven comes from the choice alone. */
function traffic(name: string, durationMs: number, deterministic: boolean): TrafficExperiment {
  return {
    kind: "traffic",
    name,
    durationMs,
    tiers: [{ name: "web", backends: backends(servers, { latency: constantLatency(5) }) }],
    load: {
      to: "web",
      clients,
      arrivals: constantArrivals(2000),
      through: {
        modules: [balancer(), poolModule()],
        params: ({ index, count }) => {
          const peer = { instanceId: index, totalInstances: count };
          const kind = deterministic ? aperture({ coordinate: () => peer }) : aperture({ minAperture });
          return Params.empty.with(BalancerParam, kind);
        },
      },
    },
  };
}

/** The standard deviation of the load of servers, as a part of its mean. */
export function unevenness(run: TrafficResult): number {
  const loads = run.tiers[0]?.backends.map(({ arrived }) => arrived) ?? [];
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  const variance = loads.reduce((sum, load) => sum + (load - mean) ** 2, 0) / loads.length;
  return Math.sqrt(variance) / mean;
}

function connections(run: TrafficResult): number {
  return run.tiers[0]?.backends.reduce((sum, { sessions }) => sum + sessions, 0) ?? 0;
}

export function newEvenCoverage({ rings, durationMs }: EvenCoverageOptions): Scenario {
  return {
    name: "even-coverage",
    summary: "Deterministic apertures of many clients load every server by its weight, exactly",
    about:
      "Each client uses a few servers, and all clients together use all of them evenly: added up over the slices of all " +
      "clients, what a server gets is its share of all weight, without any sampling. Then forty clients and thirty " +
      "servers with real balancers, beside apertures by chance of the same width.",
    experiments: [
      { kind: "measured", name: "equal weights", measure: measureRings(rings, () => 1) },
      { kind: "measured", name: "any weights", measure: measureRings(rings, (rng) => 0.1 + 10 * rng.next()) },
      traffic("deterministic", durationMs, true),
      traffic("random", durationMs, false),
    ],
    columns: [
      { title: "deviation of load, %", of: (run) => unevenness(run) * 100 },
      { title: "connections", of: connections },
    ],
    claims: (results) => {
      const error = (name: string): number => results.measured(name).figures["greatest relative error"] ?? 1;
      const show = (value: number): string => value.toExponential(1);
      return [
        atMost("error of coverage, equal weights", error("equal weights"), 1e-12, show),
        atMost("error of coverage, any weights", error("any weights"), 1e-12, show),
        atMost("deviation of load, deterministic", unevenness(results.run("deterministic")), 0.05),
        atLeast(
          "times as even as by chance",
          unevenness(results.run("random")) / unevenness(results.run("deterministic")),
          2,
        ),
      ];
    },
  };
}

/** Deterministic aperture: nobody has more than its share, whatever the numbers are. */
export const evenCoverage: Scenario = newEvenCoverage({ rings: 2000, durationMs: 60_000 });
