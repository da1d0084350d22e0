import type { Rng } from "@weftmesh/core";

/** How long a piece of work takes. */
export interface Latency {
  /** As a report shows it, such as `normal(167, 5) ms`. */
  readonly name: string;
  /** In ms; what capacity is reckoned by. */
  readonly meanMs: number;
  /** One of them, in ms, never below zero. */
  sampleMs(rng: Rng): number;
}

/** A point of a cumulative distribution: the share, 0 to 1, of all that take no longer than this. */
export type PercentilePoint = readonly [share: number, ms: number];

/** A bin of a histogram: how many took from `fromMs` to `toMs`. */
export interface HistogramBin {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

export function constantLatency(ms: number): Latency {
  atLeastZero("ms", ms);
  return { name: `${ms} ms`, meanMs: ms, sampleMs: () => ms };
}

export function uniformLatency(fromMs: number, toMs: number): Latency {
  atLeastZero("fromMs", fromMs);
  inOrder(fromMs, toMs);
  return {
    name: `uniform(${fromMs}, ${toMs}) ms`,
    meanMs: (fromMs + toMs) / 2,
    sampleMs: (rng) => fromMs + (toMs - fromMs) * rng.next(),
  };
}

export function exponentialLatency(meanMs: number): Latency {
  atLeastZero("meanMs", meanMs);
  return { name: `exponential(${meanMs}) ms`, meanMs, sampleMs: (rng) => exponential(rng, meanMs) };
}

/** What would be below zero counts as zero. */
export function normalLatency(meanMs: number, deviationMs: number): Latency {
  atLeastZero("meanMs", meanMs);
  atLeastZero("deviationMs", deviationMs);
  return {
    name: `normal(${meanMs}, ${deviationMs}) ms`,
    meanMs,
    sampleMs: (rng) => Math.max(meanMs + deviationMs * standardNormal(rng), 0),
  };
}

/** `sigma` is the deviation of the logarithm: with 0.5, 95 % take from 0.37 to 2.7 times the median. */
export function lognormalLatency(medianMs: number, sigma: number): Latency {
  atLeastZero("medianMs", medianMs);
  atLeastZero("sigma", sigma);
  return {
    name: `lognormal(${medianMs}, ${sigma}) ms`,
    meanMs: medianMs * Math.exp((sigma * sigma) / 2),
    sampleMs: (rng) => medianMs * Math.exp(sigma * standardNormal(rng)),
  };
}

/** A share of `slow`, 0 to 1, among `fast`. */
export function bimodalLatency(fast: Latency, slow: Latency, slowShare: number): Latency {
  if (!(slowShare >= 0 && slowShare <= 1)) throw new RangeError(`slowShare must be from 0 to 1, not ${slowShare}`);
  return {
    name: `${fast.name} with ${slowShare * 100} % ${slow.name}`,
    meanMs: fast.meanMs * (1 - slowShare) + slow.meanMs * slowShare,
    sampleMs: (rng) => (rng.next() < slowShare ? slow : fast).sampleMs(rng),
  };
}

/** From measured percentiles: between two points all are alike. The first point's share is 0, the last one's 1. */
export function percentileLatency(points: readonly PercentilePoint[], name?: string): Latency {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined || points.length < 2 || first[0] !== 0 || last[0] !== 1) {
    throw new RangeError("percentiles must begin with the share 0 and end with the share 1");
  }
  atLeastZero("ms", first[1]);
  let meanMs = 0;
  for (let i = 1; i < points.length; i++) {
    const [fromShare, fromMs] = points[i - 1] as PercentilePoint;
    const [toShare, toMs] = points[i] as PercentilePoint;
    inOrder(fromShare, toShare);
    inOrder(fromMs, toMs);
    meanMs += ((toShare - fromShare) * (fromMs + toMs)) / 2;
  }
  return {
    name: name ?? `percentiles, ${first[1]} to ${last[1]} ms`,
    meanMs,
    sampleMs: (rng) => atShare(points, rng.next()),
  };
}

/** From a histogram: within a bin all are alike. */
export function histogramLatency(bins: readonly HistogramBin[], name?: string): Latency {
  const total = bins.reduce((sum, bin) => sum + bin.count, 0);
  if (!(total > 0)) throw new RangeError("a histogram must have something in it");
  const points: PercentilePoint[] = [];
  let before = 0;
  for (const { fromMs, toMs, count } of bins) {
    atLeastZero("count", count);
    if (count === 0) continue;
    points.push([before / total, fromMs], [(before + count) / total, toMs]);
    before += count;
  }
  return percentileLatency(points, name ?? "histogram");
}

function atShare(points: readonly PercentilePoint[], share: number): number {
  let low = 1;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle] as PercentilePoint)[0] > share) high = middle;
    else low = middle + 1;
  }
  const [fromShare, fromMs] = points[low - 1] as PercentilePoint;
  const [toShare, toMs] = points[low] as PercentilePoint;
  return toShare === fromShare ? toMs : fromMs + ((toMs - fromMs) * (share - fromShare)) / (toShare - fromShare);
}

/** With this mean. */
export function exponential(rng: Rng, mean: number): number {
  return -mean * Math.log(1 - rng.next());
}

/** Mean 0, deviation 1. Source: Box and Muller, of whose two numbers one is taken, so that nothing is remembered. */
function standardNormal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}

function atLeastZero(what: string, value: number): void {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${what} must be a finite number of at least 0, not ${value}`);
  }
}

function inOrder(from: number, to: number): void {
  if (!(to >= from && to < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`${to} comes after ${from}, and must not be less`);
  }
}
