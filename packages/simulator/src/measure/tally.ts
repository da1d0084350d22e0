/**
 * The span of time that a moment belongs to: its end is part of it and its start is not, so that what comes every ten
 * ms is a hundred in each second.
 */
export function spanOf(atMs: number, bucketMs: number): number {
  return Math.max(Math.ceil(atMs / bucketMs) - 1, 0);
}

/** Counts of events, by the span of time in which they were. */
export class Tally {
  readonly #bucketMs: number;
  readonly #counts: number[] = [];

  constructor(bucketMs: number) {
    this.#bucketMs = bucketMs;
  }

  count(atMs: number, by = 1): void {
    const bucket = spanOf(atMs, this.#bucketMs);
    while (this.#counts.length <= bucket) this.#counts.push(0);
    this.#counts[bucket] = (this.#counts[bucket] as number) + by;
  }

  /** One number per span, `length` of them. */
  read(length: number): number[] {
    return Array.from({ length }, (_, i) => this.#counts[i] ?? 0);
  }
}
