import {
  asError,
  type Clock,
  ClockParam,
  type Ctx,
  defineModule,
  type Module,
  type Param,
  type ParamSpec,
  param,
  type Role,
  role,
  type Service,
  type Status,
} from "@weftmesh/core";
import { BackupKey, newRetryBudget, type RetryBudget } from "@weftmesh/retry-budget";
import { type Counter, type Stat, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { type BudgetParams, showBudget } from "./budget-params.ts";
import { RequeuedCall, type Requeueing } from "./requeued-call.ts";
import type { RetryProtocol } from "./retry-protocol.ts";

export const RequeuesRole: Role = role("requeues");

/** The budget of a client's requeues. */
export const RequeueBudgetParam: Param<BudgetParams> = param<BudgetParams>("requeueBudget", {}, showBudget);

/** The share of the budget's balance that one call may use up, from 0 to 1. */
export const MaxRequeueShareParam: Param<number> = param<number>("maxRequeueShare", 0.2);

/** How often one call may look for a session again after it could have none. The budget is for other requeues. */
export const MaxConnectRequeuesParam: Param<number> = param<number>("maxConnectRequeues", 25);

export interface RequeuesSettings {
  readonly budget: BudgetParams;
  readonly maxShare: number;
  readonly maxConnects: number;
  readonly clock: Clock;
  readonly stats: StatsReceiver;
}

/** The requeues of one client: what its calls share. */
export class RequeueingService<Req, Rep> implements Service<Req, Rep>, Requeueing<Req, Rep> {
  readonly next: Service<Req, Rep>;
  readonly protocol: RetryProtocol<Req, Rep>;
  readonly budget: RetryBudget;
  readonly maxShare: number;
  readonly maxConnects: number;
  readonly clock: Clock;
  readonly requeues: Counter;
  readonly perRequest: Stat;
  readonly budgetExhausted: Counter;
  readonly requestLimit: Counter;
  readonly notOpen: Counter;
  readonly cannotRetry: Counter;
  readonly #removeGauge: () => void;

  constructor(next: Service<Req, Rep>, protocol: RetryProtocol<Req, Rep>, settings: RequeuesSettings) {
    const { maxShare, maxConnects, clock } = settings;
    if (!(maxShare >= 0 && maxShare <= 1)) throw new RangeError(`maxRequeueShare must be from 0 to 1, not ${maxShare}`);
    if (!(maxConnects >= 0)) throw new RangeError(`maxConnectRequeues must be from 0, not ${maxConnects}`);
    const stats = settings.stats.scope("retries");
    const budget = newRetryBudget({ ...settings.budget, clock });
    this.next = next;
    this.protocol = protocol;
    this.budget = budget;
    this.maxShare = maxShare;
    this.maxConnects = maxConnects;
    this.clock = clock;
    this.requeues = stats.counter("requeues");
    this.perRequest = stats.stat("requeues_per_request");
    this.budgetExhausted = stats.counter("budget_exhausted");
    this.requestLimit = stats.counter("request_limit");
    this.notOpen = stats.counter("not_open");
    this.cannotRetry = stats.counter("cannot_retry");
    this.#removeGauge = stats.gauge(() => budget.balance, "budget");
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    if (!ctx.get(BackupKey)) this.budget.deposit();
    try {
      return new RequeuedCall<Req, Rep>(this, req, ctx).attempt();
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  get status(): Status {
    return this.next.status;
  }

  close(): Promise<void> {
    this.#removeGauge();
    return this.next.close();
  }
}

const params = {
  budget: RequeueBudgetParam,
  maxShare: MaxRequeueShareParam,
  maxConnects: MaxConnectRequeuesParam,
  clock: ClockParam,
  stats: StatsParam,
} as const satisfies ParamSpec;

/**
 * Sends requests again of which nothing took effect: no connection, nothing written, or a refusal. Belongs into the
 * client stack above the balancer, which then picks anew.
 *
 * Errors: a failure after which a budget or limit forbade another attempt is flagged nonRetryable, so that no layer
 * above sends the request again.
 */
export function requeues<Req, Rep>(protocol: RetryProtocol<Req, Rep>): Module<Service<Req, Rep>> {
  return defineModule<Service<Req, Rep>, typeof params>({
    role: RequeuesRole,
    description: "Sends a request again, within a budget, of which nothing has taken effect",
    params,
    make: (values, next) => new RequeueingService<Req, Rep>(next, protocol, values),
  });
}
