import type { Mark } from "./experiment.ts";
import type { LoadSeries } from "./measure/load-recorder.ts";
import type { LatencySummary } from "./measure/percentiles.ts";

/** What one server did. */
export interface BackendResult {
  readonly name: string;
  readonly arrived: number;
  /** Of all that arrived at its tier, 0 to 1. */
  readonly share: number;
  readonly answered: number;
  readonly errors: number;
  /** Answered 503 because the queue was full. */
  readonly refused: number;
  /** Given up by the caller before an answer. */
  readonly abandoned: number;
  /** Worked on to the end although the caller had gone. */
  readonly wasted: number;
  readonly inside: number;
  readonly connects: number;
  readonly connectFailures: number;
  /** Connections at the end. */
  readonly sessions: number;
  /** 0 to 1; 0 for a server without a limit. */
  readonly utilisation: number;
  /** Calls in the server on average. */
  readonly meanInside: number;
  /** ms from arrival to answer on average. */
  readonly meanSojournMs: number;
  readonly maxQueue: number;
}

export interface TierResult {
  readonly name: string;
  readonly arrived: number;
  readonly backends: readonly BackendResult[];
  readonly series: {
    readonly arrived: readonly number[];
    /** Calls that wait, and workers that work, at the end of each span. */
    readonly queued: readonly number[];
    readonly busy: readonly number[];
  };
}

/** What the clients of one kind did: the load's, or those by which one tier calls another. */
export interface ClientsResult {
  readonly name: string;
  readonly calls: number;
  readonly attempts: number;
  readonly retries: number;
  readonly series: { readonly attempts: readonly number[]; readonly retries: readonly number[] };
  /** Counters and gauges of their stacks at the end, those of all clients added up. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** When requests were sent and when attempts beyond the first were made, in order. */
export interface CallTimes {
  readonly requestsMs: Float64Array;
  readonly retriesMs: Float64Array;
}

export interface TrafficResult {
  readonly kind: "traffic";
  readonly name: string;
  readonly seed: number;
  readonly durationMs: number;
  /** Virtual time at the end, with the waiting for the last answers. */
  readonly endedMs: number;
  readonly events: number;
  readonly requests: number;
  readonly answered: number;
  readonly failed: number;
  readonly inFlight: number;
  readonly failures: Readonly<Record<string, number>>;
  /** Answered well and within the limit, of all requests: 0 to 1. */
  readonly success: number;
  readonly successWithinMs: number;
  /** Of what was answered well. */
  readonly latency: LatencySummary;
  readonly tiers: readonly TierResult[];
  /** The load's clients first. */
  readonly clients: readonly ClientsResult[];
  readonly bucketMs: number;
  readonly series: LoadSeries & { readonly watched: Readonly<Record<string, readonly number[]>> };
  readonly marks: readonly Mark[];
  /** Only if the load keeps them; not part of the JSON. */
  readonly times: CallTimes | undefined;
}

export interface MeasuredResult {
  readonly kind: "measured";
  readonly name: string;
  readonly seed: number;
  readonly figures: Readonly<Record<string, number>>;
  /** What differs from run to run; not part of the JSON. */
  readonly machine: Readonly<Record<string, number>>;
}

export type ExperimentResult = TrafficResult | MeasuredResult;
