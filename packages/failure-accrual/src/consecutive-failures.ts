import type { Backoff } from "@weftmesh/backoff";
import type { Rng } from "@weftmesh/core";
import { wholeNumber } from "./check-number.ts";
import { DeadTime } from "./dead-time.ts";
import { accrualBackoff } from "./default-backoff.ts";
import type { Explanation, FailureAccrualKind, FailureAccrualPolicy } from "./policy.ts";

class ConsecutiveFailures implements FailureAccrualPolicy {
  readonly name: string;
  readonly #most: number;
  readonly #deadTime: DeadTime;
  #failures = 0;

  constructor(name: string, most: number, backoff: Backoff, rng: Rng) {
    this.name = name;
    this.#most = most;
    this.#deadTime = new DeadTime(backoff, rng);
  }

  recordSuccess(): boolean {
    this.#failures = 0;
    return false;
  }

  recordFailure(): boolean {
    return ++this.#failures >= this.#most;
  }

  deadMs(): number {
    return this.#deadTime.nextMs();
  }

  revived(): void {
    this.#failures = 0;
    this.#deadTime.reset();
  }

  explain(): Explanation {
    const figures = { consecutiveFailures: this.#failures, maxConsecutiveFailures: this.#most };
    return { reason: `${this.#failures} failures in a row, of ${this.#most}`, figures };
  }
}

/**
 * Takes an endpoint out after so many failures in a row.
 *
 * Shape: a success counts from the start again; a revival begins the backoff anew.
 * Errors: RangeError unless `failures` is a whole number; 0 acts as 1.
 * Source: Finagle FailureAccrualPolicy.consecutiveFailures.
 */
export function consecutiveFailures(failures: number, backoff: Backoff = accrualBackoff): FailureAccrualKind {
  wholeNumber("failures", failures);
  const name = `consecutiveFailures(${failures})`;
  return { name, newPolicy: (_clock, rng) => new ConsecutiveFailures(name, failures, backoff, rng) };
}
