import { type Param, param } from "@weftmesh/core";
import { upTo } from "./check-number.ts";

/** Who may be out at once: shared by the endpoints of one client. */
export interface Ejections {
  /** Endpoints that are out. */
  readonly out: number;
  /** Takes a place among those that are out; false when there is none. */
  tryEject(): boolean;
  /** Gives the place back: for whoever has one. */
  release(): void;
}

export interface EjectionsOptions {
  /** Endpoints that the client has now, those that are out included. */
  readonly size: () => number;
  /** From 0 to 100. */
  readonly maxEjectionPercent: number;
}

class LimitedEjections implements Ejections {
  out = 0;
  readonly #options: EjectionsOptions;

  constructor(options: EjectionsOptions) {
    this.#options = options;
  }

  tryEject(): boolean {
    const { size, maxEjectionPercent } = this.#options;
    // With all of them, sets that change under way make no difference.
    if (maxEjectionPercent < 100 && (this.out + 1) * 100 > maxEjectionPercent * size()) return false;
    this.out++;
    return true;
  }

  release(): void {
    this.out--;
  }
}

/**
 * Lets at most `maxEjectionPercent` of the endpoints be out at once.
 *
 * Shape: a share of an endpoint is none: of three, 50 % lets one be out, and of one, none. An endpoint that leaves
 * while it is out keeps its place until it is closed, and a set that shrinks calls nobody back.
 * Errors: RangeError unless the percentage is from 0 to 100.
 */
export function newEjections(options: EjectionsOptions): Ejections {
  upTo("maxEjectionPercent", options.maxEjectionPercent, 100);
  return new LimitedEjections(options);
}

/** Everybody may be out: the balancer above then asks them all the same. */
const unlimited: Ejections = { out: 0, tryEject: () => true, release: () => {} };

/** Set by the `ejectionLimit` module for the endpoints below it. */
export const EjectionsParam: Param<Ejections> = param<Ejections>("ejections", unlimited, (each) => each.out);

/** How many endpoints the destination has; without an end as long as nobody says. */
export const EndpointCountParam: Param<() => number> = param<() => number>(
  "endpointCount",
  () => Number.POSITIVE_INFINITY,
  (count) => count(),
);
