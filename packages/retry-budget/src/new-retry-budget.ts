import type { Clock } from "@weftmesh/core";
import { emptyBudget, type RetryBudget } from "./retry-budget.ts";
import { SlidingSum } from "./sliding-sum.ts";

export interface RetryBudgetOptions {
  /** How long a request counts: 1,000 to 60,000 ms; 10,000 if not given. */
  readonly ttlMs?: number;
  /** Retries a second that are there whatever the load: from 0; 10 if not given. */
  readonly minRetriesPerSec?: number;
  /** Retries for each request, as a fraction from 0 to 1,000: 0.2, which is one in five, if not given. */
  readonly percentCanRetry?: number;
  readonly clock: Clock;
}

/** Whole numbers only, so that nothing is lost by adding and taking away: this is one request. */
const scale = 1000;

/** A bucket into which requests pay, and whose content ages. */
class TokenBudget implements RetryBudget {
  readonly #clock: Clock;
  readonly #deposit: number;
  readonly #withdrawal: number;
  readonly #reserve: number;
  readonly #tokens: SlidingSum;

  constructor(ttlMs: number, minRetriesPerSec: number, percentCanRetry: number, clock: Clock) {
    this.#clock = clock;
    this.#deposit = percentCanRetry === 0 ? 0 : scale;
    this.#withdrawal = percentCanRetry === 0 ? 1 : Math.floor(scale / percentCanRetry);
    this.#reserve = Math.floor((minRetriesPerSec * ttlMs) / 1000) * this.#withdrawal;
    this.#tokens = new SlidingSum(ttlMs, clock.now());
  }

  deposit(): void {
    this.#tokens.add(this.#deposit, this.#clock.now());
  }

  tryWithdraw(): boolean {
    const nowMs = this.#clock.now();
    if (this.#tokens.at(nowMs) + this.#reserve < this.#withdrawal) return false;
    this.#tokens.add(-this.#withdrawal, nowMs);
    return true;
  }

  /** Deposits may be gone before what they paid for is: a debt is no balance. */
  get balance(): number {
    return Math.max(Math.floor((this.#tokens.at(this.#clock.now()) + this.#reserve) / this.#withdrawal), 0);
  }
}

/**
 * A budget that allows `percentCanRetry` retries for each request of the last `ttlMs`, and `minRetriesPerSec` besides.
 *
 * Shape: what the minimum gives for `ttlMs` is there from the start, so the balance begins at 100 by default. Deposits
 * and withdrawals are forgotten after nine to ten tenths of `ttlMs`. In every window of nine tenths of `ttlMs` the
 * withdrawals are at most `percentCanRetry` times the requests of that window and the `ttlMs` before it, and the
 * reserve once for each `ttlMs` that has begun.
 * Errors: RangeError for options out of their range.
 * Source: Finagle's RetryBudget, whose window moves with whoever looks at it, and may count for 1.9 times the ttl.
 */
export function newRetryBudget(options: RetryBudgetOptions): RetryBudget {
  const { ttlMs = 10_000, minRetriesPerSec = 10, percentCanRetry = 0.2, clock } = options;
  check("ttlMs", ttlMs, 1000, 60_000);
  check("minRetriesPerSec", minRetriesPerSec, 0, Number.MAX_SAFE_INTEGER / 60_000_000);
  check("percentCanRetry", percentCanRetry, 0, 1000);
  if (minRetriesPerSec === 0 && percentCanRetry === 0) return emptyBudget;
  return new TokenBudget(ttlMs, minRetriesPerSec, percentCanRetry, clock);
}

function check(name: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) throw new RangeError(`${name} must be from ${min} to ${max}, not ${value}`);
}
