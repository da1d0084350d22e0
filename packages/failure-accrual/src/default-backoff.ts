import { type Backoff, concat, constant, equalJitter, fullJitter, take } from "@weftmesh/backoff";

/** 5 s, then about twice as long each time up to 300 s: what Linkerd 1 waits before it probes an endpoint. */
export const accrualBackoff: Backoff = equalJitter(5_000, 300_000);

/**
 * 1 s, then anything below 2 s, 4 s and so on up to 32 s, sixteen in all; then 32 s.
 *
 * Source: Finagle's default for fail-fast, whose exponentialJittered multiplies what chance gave the last time.
 */
export const failFastBackoff: Backoff = concat(
  take(constant(1_000), 1),
  concat(take(fullJitter(2_000, 32_000), 15), constant(32_000)),
);
