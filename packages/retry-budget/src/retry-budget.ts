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
  /** Retries that could be sent at once: a whole number, or `Infinity`. */
  readonly balance: number;
}

/** Never pays. */
export const emptyBudget: RetryBudget = { deposit: () => {}, tryWithdraw: () => false, balance: 0 };

/** Always pays. */
export const infiniteBudget: RetryBudget = {
  deposit: () => {},
  tryWithdraw: () => true,
  balance: Number.POSITIVE_INFINITY,
};
