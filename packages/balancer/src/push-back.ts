/** More than any other load, and still exact when calls in flight are added to it. */
export const pushedBackLoad = 2e15;

/** How an answer says that its endpoint wants to be left alone: ms from now, or undefined when it does not. */
export type RetryAfterMs = (rep: unknown) => number | undefined;

export interface PushBackOptions {
  /** Asked for the head of each answer: an endpoint that wants to be left alone loses against all that do not. */
  readonly retryAfterMs?: RetryAfterMs;
  /** The longest that an endpoint is left alone, in ms, whatever it asks for; 300,000 if not given. */
  readonly maxRetryAfterMs?: number;
}

/** What the options ask for, if anything. */
export interface PushBack {
  readonly retryAfterMs: RetryAfterMs;
  readonly maxMs: number;
}

export function pushBackOf(options: PushBackOptions | undefined): PushBack | undefined {
  const retryAfterMs = options?.retryAfterMs;
  return retryAfterMs === undefined ? undefined : { retryAfterMs, maxMs: options?.maxRetryAfterMs ?? 300_000 };
}

/** Until when the answer's endpoint wants to be left alone; what is past when it does not say so. */
export function leftAloneUntil(pushBack: PushBack, rep: unknown, nowMs: number): number {
  const afterMs = pushBack.retryAfterMs(rep);
  return afterMs === undefined ? 0 : nowMs + Math.min(afterMs, pushBack.maxMs);
}
