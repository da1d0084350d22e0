/** What a budget is made of; what is not given is as in `newRetryBudget`. */
export interface BudgetParams {
  readonly ttlMs?: number;
  readonly minRetriesPerSec?: number;
  readonly percentCanRetry?: number;
}

export function showBudget({ ttlMs = 10_000, minRetriesPerSec = 10, percentCanRetry = 0.2 }: BudgetParams): string {
  return `${minRetriesPerSec}/s and ${percentCanRetry * 100} % over ${ttlMs} ms`;
}
