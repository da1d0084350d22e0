import type { Backoff } from "@weftmesh/backoff";
import type { Clock, Rng } from "@weftmesh/core";
import { CallWindow } from "./call-window.ts";
import { upTo, wholeNumber } from "./check-number.ts";
import { DeadTime } from "./dead-time.ts";
import { penaltyBackoff } from "./penalty-backoff.ts";
import type { Explanation, FailureAccrualKind, FailureAccrualPolicy } from "./policy.ts";
import { showRate } from "./show-rate.ts";

export interface UnifiedOptions {
  /** Failures in a row after which an endpoint is out: 7 if not given; 0 looks at the ratio alone. */
  readonly maxConsecutiveFailures?: number;
  /** The least ratio of calls that must go well, from 0 to 1: 0.8 if not given; 0 looks at failures in a row alone. */
  readonly successRate?: number;
  /** ms over which the ratio is taken, at least 10: 10,000 if not given. */
  readonly windowMs?: number;
  /** Calls in the window below which the ratio says nothing: 5 if not given. */
  readonly minRequests?: number;
  /** 1 s to 60 s, doubling, with up to half as much again at random, if not given. */
  readonly backoff?: Backoff;
  /** Which answers say that the endpoint was asked too much: those whose `status` is 429 if not given. */
  readonly isLimited?: (rep: unknown) => boolean;
}

interface Settings {
  readonly maxConsecutiveFailures: number;
  readonly successRate: number;
  readonly windowMs: number;
  readonly minRequests: number;
}

/** Of the responses of `@weftmesh/http` and of `fetch` alike. */
function hasStatus429(rep: unknown): boolean {
  return typeof rep === "object" && rep !== null && Reflect.get(rep, "status") === 429;
}

class Unified implements FailureAccrualPolicy {
  readonly name: string;
  readonly #settings: Settings;
  readonly #deadTime: DeadTime;
  readonly #clock: Clock;
  readonly #calls: CallWindow | undefined;
  #failures = 0;

  constructor(name: string, settings: Settings, backoff: Backoff, clock: Clock, rng: Rng) {
    this.name = name;
    this.#settings = settings;
    this.#deadTime = new DeadTime(backoff, rng);
    this.#clock = clock;
    this.#calls = settings.successRate > 0 ? new CallWindow(settings.windowMs) : undefined;
  }

  recordSuccess(): boolean {
    this.#failures = 0;
    return this.#count(false);
  }

  recordFailure(): boolean {
    this.#failures++;
    // Both are told, whichever decides.
    const isTooFew = this.#count(true);
    return this.#isTooManyInARow() || isTooFew;
  }

  /** An answer all the same, so the row of failures ends with it. */
  recordLimited(): boolean {
    this.#failures = 0;
    return this.#count(true);
  }

  deadMs(): number {
    return this.#deadTime.nextMs();
  }

  revived(): void {
    this.#failures = 0;
    this.#calls?.reset();
    this.#deadTime.reset();
  }

  explain(): Explanation {
    const { maxConsecutiveFailures, successRate, windowMs } = this.#settings;
    const requests = this.#calls?.total ?? 0;
    const rate = requests === 0 ? 1 : 1 - (this.#calls?.bad ?? 0) / requests;
    const reason = this.#isTooManyInARow()
      ? `${this.#failures} failures in a row, of ${maxConsecutiveFailures}`
      : `success rate ${showRate(rate)} of ${requests} requests in ${windowMs} ms, below ${showRate(successRate)}`;
    const figures = {
      consecutiveFailures: this.#failures,
      maxConsecutiveFailures,
      successRate: rate,
      requiredSuccessRate: successRate,
      requests,
      windowMs,
    };
    return { reason, figures };
  }

  #isTooManyInARow(): boolean {
    const most = this.#settings.maxConsecutiveFailures;
    return most > 0 && this.#failures >= most;
  }

  /** Whether the ratio is too low. */
  #count(bad: boolean): boolean {
    const calls = this.#calls;
    if (calls === undefined) return false;
    calls.add(this.#clock.now(), bad);
    const { minRequests, successRate } = this.#settings;
    // The quotient is the very number that a config writes down when the ratio is met exactly; a product may not be.
    return calls.total >= minRequests && (calls.total - calls.bad) / calls.total < successRate;
  }
}

/**
 * Takes an endpoint out after too many failures in a row, or when too few of its recent calls went well.
 *
 * Shape: the ratio is of exact counts, so it does not depend on how fast calls come or in which order. An answer that
 * says "too much" (429) is none of the failures in a row; it counts against the ratio, and as the answer to a probe it
 * leaves the endpoint out.
 * Units: ms; ratios from 0 to 1.
 * Errors: RangeError when an option is out of its range.
 * Source: the unified breaker of linkerd2-proxy.
 */
export function unified(options: UnifiedOptions = {}): FailureAccrualKind {
  const settings: Settings = {
    maxConsecutiveFailures: options.maxConsecutiveFailures ?? 7,
    successRate: options.successRate ?? 0.8,
    windowMs: options.windowMs ?? 10_000,
    minRequests: options.minRequests ?? 5,
  };
  wholeNumber("maxConsecutiveFailures", settings.maxConsecutiveFailures);
  upTo("successRate", settings.successRate, 1);
  wholeNumber("minRequests", settings.minRequests);
  if (!(settings.windowMs >= 10 && settings.windowMs < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`windowMs must be at least 10 and finite, not ${settings.windowMs}`);
  }
  const backoff = options.backoff ?? penaltyBackoff({ minMs: 1_000, maxMs: 60_000, jitterRatio: 0.5 });
  const name = `unified(${settings.maxConsecutiveFailures} in a row, ${settings.successRate} in ${settings.windowMs} ms)`;
  return {
    name,
    isLimited: options.isLimited ?? hasStatus429,
    newPolicy: (clock, rng) => new Unified(name, settings, backoff, clock, rng),
  };
}
