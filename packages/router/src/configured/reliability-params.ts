import { type Backoff, constant, jittered } from "@weftmesh/backoff";
import type { Backoff as BackoffConfig, FailureAccrual, RetryBudgetConfig } from "@weftmesh/config";
import {
  consecutiveFailures,
  type FailureAccrualKind,
  none,
  successRate,
  successRateWindowed,
  unified,
} from "@weftmesh/failure-accrual";
import type { BudgetParams } from "@weftmesh/retries";
import { given } from "./given.ts";

/** A backoff as a config has it; undefined where it has none. */
export function backoffOf(config: BackoffConfig | undefined): Backoff | undefined {
  if (config === undefined) return undefined;
  return config.kind === "constant" ? constant(config.ms) : jittered(config.minMs, config.maxMs);
}

export function budgetOf(config: RetryBudgetConfig | undefined): BudgetParams | undefined {
  if (config === undefined) return undefined;
  const { ttlSecs, minRetriesPerSec, percentCanRetry } = config;
  return { ttlMs: ttlSecs * 1000, minRetriesPerSec, percentCanRetry };
}

/** By what endpoints are judged; undefined where the config says nothing, which is five failures in a row. */
export function failureAccrualOf(config: FailureAccrual | undefined): FailureAccrualKind | undefined {
  if (config === undefined) return undefined;
  const backoff = backoffOf(config.backoff);
  switch (config.kind) {
    case "io.l5d.consecutiveFailures":
      return consecutiveFailures(config.failures, backoff);
    case "io.l5d.successRate":
      return successRate(config.successRate, config.requests, backoff);
    case "io.l5d.successRateWindowed":
      return successRateWindowed(config.successRate, config.window * 1000, backoff);
    case "dev.weftmesh.unified":
      return unified(given({ ...config, backoff }));
    case "none":
      return none;
  }
}
