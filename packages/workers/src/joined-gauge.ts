/** Gauges that every worker has for itself, of which the greatest tells most: times, ratios, and flags of 0 and 1. */
const greatest: ReadonlySet<string> = new Set([
  "event_loop_delay_max_ms",
  "event_loop_delay_ms",
  "failing_fast",
  "gradient",
  "measuring_min_rtt",
  "memory_ratio",
  "min_rtt_ms",
  "num_weight_classes",
  "offered_load_ema",
  "open",
  "originator",
  "panicking",
  "sample_rtt_ms",
  "share",
  "unhealthy_for_ms",
  "unhealthy_num_tries",
  "use_deterministic_ordering",
]);
/** Those of which the least does. */
const least: ReadonlySet<string> = new Set(["certificate_expiry_seconds", "ema_value"]);

/** One gauge of several processes: the sum, save where a sum says nothing. */
export function joinedGauge(name: readonly string[], one: number, other: number): number {
  const last = name.at(-1) ?? "";
  if (least.has(last)) return Math.min(one, other);
  // The balancers name their algorithm by a gauge of 1.
  if (greatest.has(last) || name.at(-2) === "algorithm") return Math.max(one, other);
  return one + other;
}
