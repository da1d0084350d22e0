/** The figures of one distribution over a time window. */
export interface Summary {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly avg: number;
  /** The value below which the share `q` (0 to 1) of the numbers lies. */
  percentile(q: number): number;
}

export type Metric =
  | { readonly kind: "counter"; readonly value: number }
  | { readonly kind: "gauge"; readonly value: number }
  /** `undefined` until the first window has closed. */
  | { readonly kind: "stat"; readonly summary: Summary | undefined };

/** Reads every metric there is. */
export interface MetricsTree {
  /** In the order of their names; each name is a list of scopes. */
  forEach(visit: (name: readonly string[], metric: Metric) => void): void;
}
