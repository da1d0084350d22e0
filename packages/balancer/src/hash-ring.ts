import { type HashTable, hashHosts, newOwners } from "./hash-table.ts";
import { mixed } from "./text-hash.ts";

export interface HashRingOptions {
  /** Points of a host of the greatest weight; 160 if not given. More points, more even shares. */
  readonly pointsPerHost: number;
  /** Points of all hosts together, of which each has one at least; fewer per host are made where they would be more. */
  readonly maxPoints: number;
}

/**
 * A ring of points, many per host; a key belongs to the first point at or after its own.
 *
 * Shape: immutable. A host that comes takes keys only for itself, one that goes gives up only its own: exactly, as long
 * as neither the greatest weight nor, by `maxPoints`, the points per host change.
 * Cost: building sorts all points by counting, linear in their number; a key is one binary search.
 * Source: Karger et al., "Consistent Hashing and Random Trees", with the many points of ketama.
 */
export class HashRing implements HashTable {
  readonly owners: Uint16Array | Uint32Array;
  readonly #points: Uint32Array;

  constructor(names: readonly string[], weights: Float64Array, options: HashRingOptions) {
    const { first, second, order } = hashHosts(names);
    const counts = pointCounts(weights, options);
    const total = counts.reduce((sum, each) => sum + each, 0);
    const points = new Uint32Array(total);
    const owners = newOwners(names.length, total);
    let at = 0;
    for (const host of order) {
      const base = first[host] as number;
      const step = second[host] as number;
      for (let i = 0; i < (counts[host] as number); i++) {
        points[at] = mixed(base ^ mixed((step + Math.imul(i, 0x9e3779b1)) | 0));
        owners[at++] = host;
      }
    }
    const sorted = sortByPoint(points, owners);
    this.#points = sorted.points;
    this.owners = sorted.owners;
  }

  placeOf(hash: number): number {
    const points = this.#points;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((points[middle] as number) < hash) low = middle + 1;
      else high = middle;
    }
    return low === points.length ? 0 : low;
  }
}

function pointCounts(weights: Float64Array, options: HashRingOptions): Uint32Array {
  const whole = weights.reduce((sum, each) => sum + each, 0);
  const full = Math.min(options.pointsPerHost, options.maxPoints / whole);
  return Uint32Array.from(weights, (weight) => Math.max(Math.round(full * weight), 1));
}

interface SortedPoints {
  readonly points: Uint32Array;
  readonly owners: Uint16Array | Uint32Array;
}

/** Two passes of 16 bits, each stable: of equal points, the first in the order of the hosts comes first. */
function sortByPoint(points: Uint32Array, owners: Uint16Array | Uint32Array): SortedPoints {
  let from: SortedPoints = { points, owners };
  let to: SortedPoints = { points: new Uint32Array(points.length), owners: owners.slice() };
  for (const shift of [0, 16]) {
    const starts = new Uint32Array(65_537);
    for (const point of from.points) bump(starts, ((point >>> shift) & 0xffff) + 1);
    for (let i = 1; i < starts.length; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number);
    for (let i = 0; i < from.points.length; i++) {
      const point = from.points[i] as number;
      const at = bump(starts, (point >>> shift) & 0xffff);
      to.points[at] = point;
      to.owners[at] = from.owners[i] as number;
    }
    const done = to;
    to = from;
    from = done;
  }
  return from;
}

/** Counts one up; what it was before. */
function bump(counts: Uint32Array, at: number): number {
  const before = counts[at] as number;
  counts[at] = before + 1;
  return before;
}
