import { constantLatency, type Latency } from "./latency.ts";
import { type RatePoint, RateProfile } from "./rate-profile.ts";

/** `even`: always the same distance; `poisson`: as many callers who know nothing of each other. */
export type Spacing = "even" | "poisson";

/** Requests that come whether or not the earlier ones were answered. */
export interface OpenArrivals {
  readonly kind: "open";
  readonly name: string;
  readonly rate: RateProfile;
  readonly spacing: Spacing;
}

/** A number of users, each of whom waits for an answer, thinks, and asks again. */
export interface ClosedArrivals {
  readonly kind: "closed";
  readonly name: string;
  readonly users: number;
  readonly think: Latency;
  /** Over which time the users begin, one after the other. */
  readonly rampMs: number;
}

export type Arrivals = OpenArrivals | ClosedArrivals;

export function constantArrivals(rps: number): OpenArrivals {
  return { kind: "open", name: `${rps} rps`, rate: new RateProfile([{ atMs: 0, rps }]), spacing: "even" };
}

export function poissonArrivals(rps: number): OpenArrivals {
  return { kind: "open", name: `${rps} rps (Poisson)`, rate: new RateProfile([{ atMs: 0, rps }]), spacing: "poisson" };
}

/** A rate that goes through these points. */
export function scheduledArrivals(points: readonly RatePoint[], spacing: Spacing = "poisson"): OpenArrivals {
  const name = points.map(({ atMs, rps }) => `${rps} rps at ${atMs / 1000} s`).join(", ");
  return { kind: "open", name, rate: new RateProfile(points), spacing };
}

export interface RampOptions {
  readonly fromRps: number;
  readonly toRps: number;
  /** When the rate begins to change; 0 if not given. */
  readonly startMs?: number;
  readonly overMs: number;
  readonly spacing?: Spacing;
}

export function rampArrivals(options: RampOptions): OpenArrivals {
  const { fromRps, toRps, startMs = 0, overMs, spacing = "poisson" } = options;
  const points = [
    { atMs: startMs, rps: fromRps },
    { atMs: startMs + overMs, rps: toRps },
  ];
  return { kind: "open", name: `${fromRps} to ${toRps} rps`, rate: new RateProfile(points), spacing };
}

export interface BurstOptions {
  readonly baseRps: number;
  readonly burstRps: number;
  /** A burst ends each of these spans. */
  readonly everyMs: number;
  readonly burstMs: number;
  readonly spacing?: Spacing;
}

export function burstArrivals(options: BurstOptions): OpenArrivals {
  const { baseRps, burstRps, everyMs, burstMs, spacing = "poisson" } = options;
  if (!(burstMs > 0 && burstMs <= everyMs)) {
    throw new RangeError(`a burst of ${burstMs} ms does not fit into ${everyMs} ms`);
  }
  const calmMs = everyMs - burstMs;
  const points = [
    { atMs: 0, rps: baseRps },
    { atMs: calmMs, rps: baseRps },
    { atMs: calmMs, rps: burstRps },
    { atMs: everyMs, rps: burstRps },
  ];
  const name = `${baseRps} rps, ${burstRps} for ${burstMs} ms of every ${everyMs} ms`;
  return { kind: "open", name, rate: new RateProfile(points, everyMs), spacing };
}

export interface ClosedLoopOptions {
  readonly users: number;
  /** How long a user waits before the next request; not at all if not given. */
  readonly think?: Latency;
  readonly rampMs?: number;
}

/** Errors: RangeError for no users, or for users who would never let time pass. */
export function closedLoop(options: ClosedLoopOptions): ClosedArrivals {
  const { users, think = constantLatency(0), rampMs = 0 } = options;
  if (!(Number.isInteger(users) && users > 0)) throw new RangeError(`a loop of ${users} users is none`);
  const name = `${users} users${think.meanMs > 0 ? `, thinking ${think.name}` : ""}`;
  return { kind: "closed", name, users, think, rampMs };
}
