/**
 * How many retries a stream of requests may cause.
 *
 * Shape: each logical request deposits once, however many attempts it takes; each retry asks for a withdrawal first.
 * Cost: both are O(1) and allocate nothing.
 */
export interface RetryBudget {
  deposit(): void;
  /** True when a retry may be sent, which is then paid for. False changes nothing. */
  tryWithdraw(): boolean;
  /** Retries that could be sent at once. */
  readonly balance: number;
}
