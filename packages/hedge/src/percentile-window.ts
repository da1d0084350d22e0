/** Up to here each whole millisecond has a bucket of its own; above, 64 buckets share each power of two. */
const linearMs = 128;
const octaveBits = 6;
/** Longer latencies count as this one. */
export const longestMs = 2_000;
const bucketCount = indexOf(longestMs) + 1;

/** The bucket of a whole number from 0 to `longestMs`. */
function indexOf(ms: number): number {
  if (ms <= linearMs) return ms;
  // Buckets hold their upper edge, so it is the number before that tells the power of two.
  const octave = 24 - Math.clz32(ms - 1);
  return linearMs + 1 + (octave << octaveBits) + (((ms - 1) >> (octave + 1)) - (1 << octaveBits));
}

/** The largest number of a bucket. */
function upperEdge(index: number): number {
  if (index <= linearMs) return index;
  const octave = (index - linearMs - 1) >> octaveBits;
  const within = (index - linearMs - 1) & ((1 << octaveBits) - 1);
  return ((1 << octaveBits) + within + 1) << (octave + 1);
}

/** What was recorded within one stretch of time. */
class Slice {
  readonly counts: Uint32Array = new Uint32Array(bucketCount);
  total = 0;
  /** The number of its stretch, counted from time zero. */
  slot = Number.NEGATIVE_INFINITY;

  restart(slot: number): void {
    this.counts.fill(0);
    this.total = 0;
    this.slot = slot;
  }
}

/**
 * The percentiles of the latencies of late: of the stretch that is under way and the whole ones before it.
 *
 * Shape: stretches begin at multiples of `sliceMs` on the clock, whether anything is recorded or not, so what is
 * recorded counts for more than `slices - 1` of them and never for more than `slices`.
 * Units: ms; fractions are rounded up, and what is above 2,000 counts as 2,000. A percentile is the upper edge of the
 * bucket that holds the latency of that rank: exact to 1 ms up to 128 ms, to 1/64 of itself above, and never below it,
 * so that no larger share than asked for lies above it.
 * Cost: `add` O(1) without allocation; `percentile` a pass over 382 buckets; 1.5 kB for each slice.
 */
export class PercentileWindow {
  readonly #sliceMs: number;
  readonly #slices: readonly Slice[];

  constructor(sliceMs: number, slices: number) {
    this.#sliceMs = sliceMs;
    this.#slices = Array.from({ length: slices }, () => new Slice());
  }

  add(nowMs: number, latencyMs: number): void {
    const slot = Math.floor(nowMs / this.#sliceMs);
    const slice = this.#slices.at(slot % this.#slices.length) as Slice;
    if (slice.slot !== slot) slice.restart(slot);
    const index = indexOf(Math.min(Math.max(Math.ceil(latencyMs), 0), longestMs));
    slice.counts[index] = (slice.counts[index] as number) + 1;
    slice.total++;
  }

  /** The least latency that the share `q` of all does not exceed, by nearest rank; undefined when there are none. */
  percentile(nowMs: number, q: number): number | undefined {
    const oldest = Math.floor(nowMs / this.#sliceMs) - this.#slices.length + 1;
    const live = this.#slices.filter((slice) => slice.slot >= oldest);
    let total = 0;
    for (const slice of live) total += slice.total;
    if (total === 0) return undefined;
    // The product may lie a rounding error above a whole number.
    const rank = Math.max(Math.ceil(q * total * (1 - 1e-12)), 1);
    let seen = 0;
    let index = -1;
    while (seen < rank) {
      index++;
      for (const slice of live) seen += slice.counts[index] as number;
    }
    return upperEdge(index);
  }
}
