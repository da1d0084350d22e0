import type { Clock } from "@weftmesh/core";
import { emptyBudget, type RetryBudget } from "./retry-budget.ts";
import { SlidingCount } from "./sliding-count.ts";

export interface RetryBudgetOptions {
  /** How long a request counts: 1,000 to 60,000 ms; 10,000 if not given. */
  readonly ttlMs?: number;
  /** Retries a second that are there whatever the load: from 0 to 2,147,483,647; 10 if not given. */
  readonly minRetriesPerSec?: number;
  /**
   * Retries for each request, as a fraction from 0 to 1,000: 0.2, which is one in five, if not given. Less than one in a
   * million is none.
   */
  readonly percentCanRetry?: number;
  readonly clock: Clock;
}

/** What a request pays; a retry costs a whole number as well, rounded down, so that nothing is lost by adding up. */
const scale = 1000;

/** Slots of `ttlMs`. Finagle has 10; finer ones keep nearer to the minimum. */
const slots = 50;

/** A bucket into which requests pay, and whose content ages. */
class TokenBudget implements RetryBudget {
  readonly #clock: Clock;
  readonly #deposit: number;
  readonly #withdrawal: number;
  readonly #reserve: number;
  readonly #deposits: SlidingCount;
  /** A slot longer than deposits: what was taken is never given back before what had paid for it is gone. */
  readonly #withdrawals: SlidingCount;

  constructor(ttlMs: number, minRetriesPerSec: number, percentCanRetry: number, clock: Clock) {
    this.#clock = clock;
    const isFed = percentCanRetry >= 1e-6;
    this.#deposit = isFed ? scale : 0;
    this.#withdrawal = isFed ? Math.floor(scale / percentCanRetry) : 1;
    this.#reserve = Math.floor((minRetriesPerSec * ttlMs) / 1000) * this.#withdrawal;
    this.#deposits = new SlidingCount(ttlMs / slots, slots, clock.now());
    this.#withdrawals = new SlidingCount(ttlMs / slots, slots + 1, clock.now());
  }

  deposit(): void {
    this.#deposits.add(this.#clock.now());
  }

  tryWithdraw(): boolean {
    const nowMs = this.#clock.now();
    if (this.#tokens(nowMs) < this.#withdrawal) return false;
    this.#withdrawals.add(nowMs);
    return true;
  }

  /** Deposits may be gone before what they paid for is: a debt is no balance. */
  get balance(): number {
    return Math.max(Math.floor(this.#tokens(this.#clock.now()) / this.#withdrawal), 0);
  }

  #tokens(nowMs: number): number {
    const paid = this.#deposit * this.#deposits.at(nowMs);
    return this.#reserve + paid - this.#withdrawal * this.#withdrawals.at(nowMs);
  }
}

/**
 * A budget that allows `percentCanRetry` retries for each request of the last `ttlMs`, and `minRetriesPerSec` besides.
 *
 * Shape: what the minimum gives for `ttlMs` is there from the start, so the balance begins at 100 by default. Whatever
 * window of time one looks at, of length T, it has at most `percentCanRetry` times the requests of the window and of
 * the `ttlMs` before it, and `minRetriesPerSec` times (T + `ttlMs`). For that, time is cut in fiftieths of `ttlMs`: a
 * request counts for 49 to 50 of them and a retry for 50 to 51, so that with no requests at all the rate may be a
 * fiftieth below the minimum.
 * Errors: RangeError for options out of their range.
 * Source: Finagle's RetryBudget, whose window moves with whoever looks at it, and may count for 1.9 times the ttl.
 */
export function newRetryBudget(options: RetryBudgetOptions): RetryBudget {
  const { ttlMs = 10_000, minRetriesPerSec = 10, percentCanRetry = 0.2, clock } = options;
  check("ttlMs", ttlMs, 1000, 60_000);
  check("minRetriesPerSec", minRetriesPerSec, 0, 2_147_483_647);
  check("percentCanRetry", percentCanRetry, 0, 1000);
  if (minRetriesPerSec === 0 && percentCanRetry === 0) return emptyBudget;
  return new TokenBudget(ttlMs, minRetriesPerSec, percentCanRetry, clock);
}

function check(name: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) throw new RangeError(`${name} must be from ${min} to ${max}, not ${value}`);
}
