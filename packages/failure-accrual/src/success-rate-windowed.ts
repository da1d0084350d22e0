import type { Backoff } from "@weftmesh/backoff";
import type { Clock, Rng } from "@weftmesh/core";
import { CallWindow } from "./call-window.ts";
import { aboveZero, upTo, wholeNumber } from "./check-number.ts";
import { DeadTime } from "./dead-time.ts";
import { accrualBackoff } from "./default-backoff.ts";
import type { Explanation, FailureAccrualKind, FailureAccrualPolicy } from "./policy.ts";
import { showRate } from "./show-rate.ts";

interface Settings {
  readonly required: number;
  readonly windowMs: number;
  readonly minRequests: number;
}

class SuccessRateWindowed implements FailureAccrualPolicy {
  readonly name: string;
  readonly #settings: Settings;
  readonly #deadTime: DeadTime;
  readonly #clock: Clock;
  readonly #calls: CallWindow;
  #rate = 1;
  /** Whether this life has seen a call. */
  #known = false;
  #lastMs = 0;
  /** Start of this life. */
  #sinceMs: number;

  constructor(name: string, settings: Settings, backoff: Backoff, clock: Clock, rng: Rng) {
    this.name = name;
    this.#settings = settings;
    this.#deadTime = new DeadTime(backoff, rng);
    this.#clock = clock;
    this.#calls = new CallWindow(settings.windowMs);
    this.#sinceMs = clock.now();
  }

  recordSuccess(): boolean {
    this.#update(1, this.#clock.now());
    return false;
  }

  recordFailure(): boolean {
    const nowMs = this.#clock.now();
    this.#update(0, nowMs);
    const { required, windowMs, minRequests } = this.#settings;
    return nowMs - this.#sinceMs >= windowMs && this.#rate < required && this.#calls.total >= minRequests;
  }

  deadMs(): number {
    return this.#deadTime.nextMs();
  }

  revived(): void {
    this.#known = false;
    this.#sinceMs = this.#clock.now();
    this.#calls.reset();
    this.#deadTime.reset();
  }

  explain(): Explanation {
    const { required, windowMs } = this.#settings;
    const requests = this.#calls.total;
    const reason = `success rate ${showRate(this.#rate)} over ${windowMs} ms (${requests} requests), below ${showRate(required)}`;
    return { reason, figures: { successRate: this.#rate, requiredSuccessRate: required, requests, windowMs } };
  }

  #update(success: number, nowMs: number): void {
    this.#calls.add(nowMs, success === 0);
    const kept = this.#known ? Math.exp((this.#lastMs - nowMs) / this.#settings.windowMs) : 0;
    this.#rate = this.#rate * kept + success * (1 - kept);
    this.#known = true;
    this.#lastMs = nowMs;
  }
}

/**
 * Takes an endpoint out when its success rate over about `windowMs` falls below `required`.
 *
 * Shape: an exponential moving average over time; it decides nothing in the first `windowMs` since the start or the
 * last revival, nor with fewer than `minRequests` calls in the last `windowMs`, and only when a call fails. A call
 * weighs as much as the time since the call before it: calls of one moment weigh nothing. `unified` knows no such thing.
 * Units: `required` a ratio from 0 to 1; `windowMs` above 0; `minRequests` a whole number.
 * Errors: RangeError when one of them is none.
 * Source: Finagle FailureAccrualPolicy.successRateWithinDuration; its count of calls reads the machine's clock.
 */
export function successRateWindowed(
  required: number,
  windowMs: number,
  backoff: Backoff = accrualBackoff,
  minRequests = 5,
): FailureAccrualKind {
  upTo("successRate", required, 1);
  aboveZero("windowMs", windowMs);
  wholeNumber("minRequests", minRequests);
  const settings: Settings = { required, windowMs, minRequests };
  const name = `successRateWindowed(${required}, ${windowMs} ms)`;
  return { name, newPolicy: (clock, rng) => new SuccessRateWindowed(name, settings, backoff, clock, rng) };
}
