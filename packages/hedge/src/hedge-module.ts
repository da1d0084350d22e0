import {
  ClockParam,
  defineModule,
  type Module,
  type Param,
  param,
  type Role,
  role,
  type Service,
} from "@weftmesh/core";
import { infiniteBudget, type RetryBudget } from "@weftmesh/retry-budget";
import { StatsParam } from "@weftmesh/telemetry";
import { Hedge } from "./hedge.ts";
import type { HedgeProtocol } from "./hedge-protocol.ts";

export const HedgeRole: Role = role("hedge");

/** Backups for each call at most, from 0 to below 1; 0 leaves the module out. */
export const MaxExtraLoad: Param<number> = param("maxExtraLoad", 0);
/** The least that a call waits before its backup is sent, in ms; no less than 1. */
export const MinHedgeDelayMs: Param<number> = param("minHedgeDelayMs", 1);
/** Whether a loser is cancelled at once, which for HTTP/1 closes its connection. */
export const SendInterrupts: Param<boolean> = param("sendInterrupts", false);
/** How long a loser that is not cancelled may go on, in ms. */
export const LoserGraceMs: Param<number> = param("loserGraceMs", 10_000);
/** What else limits backups. If not given, the budget of the module right below, which the retries have. */
export const HedgeClientBudget: Param<RetryBudget | undefined> = param<RetryBudget | undefined>(
  "hedgeClientBudget",
  undefined,
  (budget) => (budget === undefined ? undefined : "retry budget"),
);

const params = {
  maxExtraLoad: MaxExtraLoad,
  minHedgeDelayMs: MinHedgeDelayMs,
  sendInterrupts: SendInterrupts,
  loserGraceMs: LoserGraceMs,
  clientBudget: HedgeClientBudget,
  clock: ClockParam,
  stats: StatsParam,
};

/**
 * Sends a call a second time when its answer is later than usual.
 *
 * Must be above the retries, so that an attempt is one call with all of its retries, and below the total timeout, which
 * bounds both attempts. Errors: RangeError for parameters out of range when the stack is built.
 */
export function hedge<Req, Rep>(protocol: HedgeProtocol<Req, Rep>): Module<Service<Req, Rep>> {
  return defineModule<Service<Req, Rep>, typeof params>({
    role: HedgeRole,
    description: "Sends a call a second time when its answer is later than usual, within budgets",
    params,
    make: ({ clientBudget, ...values }, next) =>
      values.maxExtraLoad === 0
        ? next
        : new Hedge(next, protocol, { ...values, clientBudget: clientBudget ?? budgetOf(next) }),
  });
}

/** A service that pays for what it sends again, as the retries are, is asked to pay for backups as well. */
function budgetOf(below: object): RetryBudget {
  return "budget" in below ? (below.budget as RetryBudget) : infiniteBudget;
}
