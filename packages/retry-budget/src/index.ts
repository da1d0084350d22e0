export type { RetryBudget } from "./retry-budget.ts";
