import { nullStats } from "@weftmesh/telemetry";
import { AperturePicker, type ApertureSettings } from "./aperture-picker.ts";
import type { BalancerKind } from "./kind.ts";
import { type LeastLoadedOptions, leastLoaded } from "./least-loaded.ts";
import { LoadBand, type LoadBandOptions } from "./load-band.ts";
import { type PeakEwmaOptions, peakEwma } from "./peak-ewma.ts";
import type { PeerCoordinate } from "./ring-slice.ts";
import { slowStartOf } from "./slow-start.ts";

/** An aperture lets connections go that had no call for this many windows of its load band. */
const idleWindows = 10;

interface CommonOptions extends LoadBandOptions {
  /** Endpoints that are always used: 1 if not given. Where the coordinate is known, `minDeterministicAperture` counts. */
  readonly minAperture?: number;
  /**
   * Which of its peers this process is, if that is known; it may change at any time, and is asked for each pick. With it
   * the peers share the endpoints out among themselves. Numbers that are no coordinate count as none.
   */
  readonly coordinate?: () => PeerCoordinate | undefined;
  /** Endpoints, of average weight, that a process uses at least where its coordinate is known: 12 if not given. */
  readonly minDeterministicAperture?: number;
  /**
   * ms without a call after which an endpoint out of use loses its connections; ten times `smoothWindowMs` if not given,
   * 0 for never.
   */
  readonly idleTimeMs?: number;
}

export interface ApertureOptions extends CommonOptions, LeastLoadedOptions {}

export interface AperturePeakEwmaOptions extends CommonOptions, PeakEwmaOptions {}

/**
 * As `leastLoaded`, over as many of the endpoints as the load asks for, or over this process's share of them.
 *
 * Errors: RangeError for options that make no sense.
 * @example
 * const kind = aperture({ coordinate: () => ({ instanceId: 3, totalInstances: 20 }) });
 */
export function aperture(options: ApertureOptions = {}): BalancerKind {
  return apertureOf("aperture_least_loaded", leastLoaded(options), options);
}

/**
 * As `peakEwma`, over some of the endpoints; latencies fade over `smoothWindowMs` unless `decayTimeMs` is given.
 *
 * Errors: RangeError for options that make no sense.
 */
export function aperturePeakEwma(options: AperturePeakEwmaOptions = {}): BalancerKind {
  const decayTimeMs = options.decayTimeMs ?? options.smoothWindowMs ?? 5000;
  return apertureOf("aperture_peak_ewma", peakEwma({ ...options, decayTimeMs }), options);
}

/** Nodes count their load as those of `loads` do. */
function apertureOf(
  algorithm: string,
  loads: BalancerKind,
  options: ApertureOptions | AperturePeakEwmaOptions,
): BalancerKind {
  const settings: ApertureSettings = {
    band: options,
    minAperture: wholeFrom(1, options.minAperture ?? 1, "minAperture"),
    minDeterministicAperture: wholeFrom(2, options.minDeterministicAperture ?? 12, "minDeterministicAperture"),
    coordinate: options.coordinate,
    idleMs: options.idleTimeMs ?? (options.smoothWindowMs ?? 5000) * idleWindows,
  };
  // Wrong options are to be found here, and not with the first endpoint.
  new LoadBand(options, { widened: () => {}, narrowed: () => {} }, 0);
  return {
    algorithm,
    maxEffort: loads.maxEffort,
    weighted: true,
    newNode: (address, make, left, clock) => loads.newNode(address, make, left, clock),
    newPicker: (rng, clock, stats) =>
      new AperturePicker(settings, rng, clock, stats ?? nullStats, slowStartOf(options.slowStart)),
  };
}

function wholeFrom(least: number, value: number, name: string): number {
  if (!(Number.isSafeInteger(value) && value >= least)) {
    throw new RangeError(`${name} is ${value}: it must be a whole number from ${least}`);
  }
  return value;
}
