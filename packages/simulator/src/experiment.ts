import type { Clock, Module, Params, Rng, Service } from "@weftmesh/core";
import type { HttpRequest, HttpResponse } from "@weftmesh/http";
import type { Metadata } from "@weftmesh/naming";
import type { Arrivals } from "./arrivals.ts";
import type { Fault } from "./fault.ts";
import type { Latency } from "./latency.ts";

/** What every stack of a simulation is made of, and what a real stack for HTTP is made of. */
export type SimService = Service<HttpRequest, HttpResponse>;

/** Which of its like a stack is for. */
export interface StackPlace {
  readonly index: number;
  /** How many stacks of this kind there are. */
  readonly count: number;
  readonly clock: Clock;
  /** This stack's own chance. */
  readonly rng: Rng;
}

/**
 * Real modules, in the order in which a request meets them, with real parameters.
 *
 * Shape: a client's stack ends in simulated connections to one tier, which `balancer()` or whatever stands for it
 * chooses among. Clock, chance, metrics and destination are set by the simulation; `params` win over them. Parameters
 * that one stack alone may have, such as a budget, come from a function.
 */
export interface StackSpec {
  readonly modules: readonly Module<SimService>[];
  readonly params?: Params | ((place: StackPlace) => Params);
}

/** What one server of a tier is like. Without `workers` it takes any number of calls at once. */
export interface BackendSpec {
  readonly latency: Latency;
  /** Calls that are worked on at once; `Infinity` if not given. */
  readonly workers?: number;
  /** Calls that may wait for a worker; one more is answered 503. `Infinity` if not given. */
  readonly maxQueue?: number;
  readonly faults?: readonly Fault[];
  /** How long a connection takes to be made, or to be refused; 0 if not given. */
  readonly connectMs?: number;
  readonly weight?: number;
  readonly metadata?: Metadata;
}

/** Calls that a server makes for each call that it answers. */
export interface Downstream {
  /** The tier. */
  readonly to: string;
  readonly through: StackSpec;
  /** How many, one after the other; 1 if not given. */
  readonly calls?: number;
}

/** Who of a tier discovery lists from a time on, by index. */
export interface Membership {
  readonly atMs: number;
  readonly members: readonly number[];
}

/** Servers that do the same, by the name that others call. */
export interface Tier {
  readonly name: string;
  readonly backends: readonly BackendSpec[];
  /** All of them for ever, if not given. */
  readonly discovery?: readonly Membership[];
  /** In front of the work of each server: admission, deadlines. */
  readonly server?: StackSpec;
  /** Called once a server has done its own work. */
  readonly downstream?: readonly Downstream[];
  /** Whether a call keeps its worker while it waits for another tier, as a thread would be kept; not if not given. */
  readonly holdsWorkers?: boolean;
  /** Whether calls carry their deadline to this tier; not if not given. */
  readonly readsDeadlines?: boolean;
  /** Whether work stops once its caller has gone; if not given it goes on, and is wasted. */
  readonly stopsAbandoned?: boolean;
}

/** Who asks, and how often. */
export interface Load {
  /** The tier. */
  readonly to: string;
  readonly arrivals: Arrivals;
  readonly through: StackSpec;
  /** Each has a stack of its own; 1 if not given. Open arrivals are shared out among them. */
  readonly clients?: number;
  /** GET if not given. */
  readonly method?: string;
  /** Whether the times of all requests and retries are kept, for laws about any window. */
  readonly keepsTimes?: boolean;
}

/** A span that charts point out. */
export interface Mark {
  readonly fromMs: number;
  readonly toMs: number;
  readonly label: string;
}

/** One run: servers, callers, and how long. */
export interface TrafficExperiment {
  readonly kind: "traffic";
  readonly name: string;
  readonly tiers: readonly Tier[];
  readonly load: Load;
  /** How long requests come. */
  readonly durationMs: number;
  /** How long answers are waited for after that; 60 s if not given. What then still runs is in flight. */
  readonly drainMs?: number;
  /** An answer within this time is a success; any if not given. */
  readonly successWithinMs?: number;
  /** How much time a point of a series stands for; 1 s if not given. */
  readonly bucketMs?: number;
  /** Metrics of the clients that become series, such as `retries/budget`; clients of one kind are added up. */
  readonly watch?: readonly string[];
  readonly marks?: readonly Mark[];
}

/** Something that is counted or measured without traffic, or in a way of its own. */
export interface MeasuredExperiment {
  readonly kind: "measured";
  readonly name: string;
  measure(tools: MeasureTools): Promise<Figures> | Figures;
}

export interface MeasureTools {
  readonly rng: Rng;
  /** Seed and name, for whoever makes a clock or chance of its own. */
  readonly seed: number;
  progress(share: number): void;
}

/** What was found, by name. Those in `machine` differ from run to run and from machine to machine. */
export interface Figures {
  readonly figures: Readonly<Record<string, number>>;
  readonly machine?: Readonly<Record<string, number>>;
}

export type Experiment = TrafficExperiment | MeasuredExperiment;

/** The same server several times, some of them with faults or otherwise different. */
export function backends(
  count: number,
  spec: BackendSpec,
  different: Readonly<Record<number, Partial<BackendSpec>>> = {},
): readonly BackendSpec[] {
  return Array.from({ length: count }, (_, index) => ({ ...spec, ...different[index] }));
}
