export { BackupKey } from "./backup-key.ts";
export { newRetryBudget, type RetryBudgetOptions } from "./new-retry-budget.ts";
export { emptyBudget, infiniteBudget, type RetryBudget } from "./retry-budget.ts";
