/** What a retry budget promises, in its own terms. */
export interface RetryBoundOptions {
  readonly ttlMs: number;
  readonly minRetriesPerSec: number;
  /** Retries for each request, 0.2 being one in five. */
  readonly percentCanRetry: number;
}

/** How near retries came to what a budget allows. */
export interface RetryBound {
  /**
   * Over all windows the least of what was allowed and not used, in retries; below zero when some window had more than
   * it may have.
   */
  readonly slack: number;
  /** That window: from after the one time to the other. */
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Looks at every window of time there is, whether within it the retries were at most `percentCanRetry` times the
 * requests of the window and of the ttl before it, and `minRetriesPerSec` times the length of both.
 *
 * Shape: the times are in order. With R and D for the retries and requests so far, the law says of any a < b that
 * (R(b) - pD(b) - mb) - (R(a) - pD(a - ttl) - ma) is at most m ttl, so the greatest of the one and the least of the other
 * before it are all that is needed: one pass, not one for each window.
 */
export function retryBound(
  requestsMs: Float64Array,
  retriesMs: Float64Array,
  { ttlMs, minRetriesPerSec, percentCanRetry }: RetryBoundOptions,
): RetryBound {
  const perMs = minRetriesPerSec / 1000;
  let worst: RetryBound = { slack: Number.POSITIVE_INFINITY, fromMs: 0, toMs: 0 };
  let leastBefore = Number.POSITIVE_INFINITY;
  let leastAtMs = 0;
  let requests = 0;
  let old = 0;
  for (let i = 0; i < retriesMs.length; i++) {
    const nowMs = retriesMs[i] as number;
    // A window that is worse than others begins right before a retry; requests of that moment belong to it.
    while (old < requestsMs.length && (requestsMs[old] as number) < nowMs - ttlMs) old++;
    const before = i - percentCanRetry * old - perMs * nowMs;
    if (before < leastBefore) {
      leastBefore = before;
      leastAtMs = nowMs;
    }
    while (requests < requestsMs.length && (requestsMs[requests] as number) <= nowMs) requests++;
    const used = i + 1 - percentCanRetry * requests - perMs * nowMs;
    const slack = perMs * ttlMs - (used - leastBefore);
    if (slack < worst.slack) worst = { slack, fromMs: leastAtMs, toMs: nowMs };
  }
  return worst;
}
