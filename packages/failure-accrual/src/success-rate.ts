import type { Backoff } from "@weftmesh/backoff";
import type { Rng } from "@weftmesh/core";
import { aboveZero, upTo } from "./check-number.ts";
import { DeadTime } from "./dead-time.ts";
import { accrualBackoff } from "./default-backoff.ts";
import type { Explanation, FailureAccrualKind, FailureAccrualPolicy } from "./policy.ts";
import { showRate } from "./show-rate.ts";

/** The moving average's clock is the number of calls, so each call weighs the same. */
class SuccessRate implements FailureAccrualPolicy {
  readonly name: string;
  readonly #required: number;
  readonly #requests: number;
  readonly #deadTime: DeadTime;
  /** What of the average is left after one more call. */
  readonly #kept: number;
  #rate = 1;
  #count = 0;

  constructor(name: string, required: number, requests: number, backoff: Backoff, rng: Rng) {
    this.name = name;
    this.#required = required;
    this.#requests = requests;
    this.#kept = Math.exp(-1 / requests);
    this.#deadTime = new DeadTime(backoff, rng);
  }

  recordSuccess(): boolean {
    this.#update(1);
    return false;
  }

  recordFailure(): boolean {
    this.#update(0);
    return this.#count >= this.#requests && this.#rate < this.#required;
  }

  deadMs(): number {
    return this.#deadTime.nextMs();
  }

  revived(): void {
    this.#count = 0;
    this.#deadTime.reset();
  }

  explain(): Explanation {
    const figures = { successRate: this.#rate, requiredSuccessRate: this.#required, requests: this.#count };
    const reason = `success rate ${showRate(this.#rate)} over ${this.#requests} requests, below ${showRate(this.#required)}`;
    return { reason, figures };
  }

  /** The first call of a life is the average; what was before it counts for nothing. */
  #update(success: number): void {
    this.#rate = this.#count === 0 ? success : this.#rate * this.#kept + success * (1 - this.#kept);
    this.#count++;
  }
}

/**
 * Takes an endpoint out when its success rate over about `requests` calls falls below `required`.
 *
 * Shape: an exponential moving average over calls; it decides nothing before there were `requests` of them since the
 * start or the last revival, and only when a call fails.
 * Units: `required` a ratio from 0 to 1; `requests` above 0.
 * Errors: RangeError when either is none.
 * Source: Finagle FailureAccrualPolicy.successRate.
 */
export function successRate(required: number, requests: number, backoff: Backoff = accrualBackoff): FailureAccrualKind {
  upTo("successRate", required, 1);
  aboveZero("requests", requests);
  const name = `successRate(${required}, ${requests} requests)`;
  return { name, newPolicy: (_clock, rng) => new SuccessRate(name, required, requests, backoff, rng) };
}
