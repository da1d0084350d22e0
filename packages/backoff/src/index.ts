export type { Backoff } from "./backoff.ts";
export { decorrelatedJitter, equalJitter, fullJitter, jittered } from "./jitter.ts";
export { concat, type FiniteBackoff, take } from "./sequence.ts";
export { constant, exponential, linear } from "./steady.ts";
