import { asError, type Clock, type Ctx, type Service, type Status } from "@weftmesh/core";
import { infiniteBudget, newRetryBudget, type RetryBudget } from "@weftmesh/retry-budget";
import { nullStats, type StatsReceiver } from "@weftmesh/telemetry";
import { TimedCall } from "./attempt.ts";
import { HedgeDelay } from "./hedge-delay.ts";
import type { HedgeProtocol } from "./hedge-protocol.ts";
import { HedgedCall, type Hedging } from "./hedged-call.ts";

export interface HedgeOptions {
  readonly clock: Clock;
  /** Backups for each call, above 0 and below 1: 0.01 sends one for 1 % of calls at most, at their 99th percentile. */
  readonly maxExtraLoad: number;
  /** The least that a call waits before its backup is sent: 1 ms if not given, and no less. */
  readonly minHedgeDelayMs?: number;
  /** Whether a loser is cancelled at once, which for HTTP/1 closes its connection: false if not given. */
  readonly sendInterrupts?: boolean;
  /** How long a loser that is not cancelled may go on: 10,000 ms if not given. */
  readonly loserGraceMs?: number;
  /** What else limits the extra load, such as the budget of the retries: no limit if not given. */
  readonly clientBudget?: RetryBudget;
  /** The service's scope; the metrics are below `backups`. */
  readonly stats?: StatsReceiver;
}

const budgetTtlMs = 10_000;
const defaultGraceMs = 10_000;

/**
 * Sends a call a second time when its answer is later than usual, and takes the better answer.
 *
 * Shape: one per service; all attempts of a call go to `next`. What is usual is the percentile `1 - maxExtraLoad` of
 * the last 20 to 30 s. A backup is paid for twice: by a budget of `maxExtraLoad` for each call of the last 10 s, with
 * nothing in reserve, and by `clientBudget`. Requests that the protocol does not call hedgeable pass through.
 * Units: ms.
 * Errors: RangeError for options out of range. A call fails as its attempts do, with the failure of the later of two.
 * Cost: one object per call while no backup could be sent; else a ctx, a timer, a promise and two objects per call.
 * Source: Finagle's backup request filter. Differs in that a call pays both budgets or none, that there are no backups
 * before latencies are known, that a loser does not outlive its grace, and that its answer is discarded.
 */
export class Hedge<Req, Rep> implements Service<Req, Rep> {
  readonly #next: Service<Req, Rep>;
  readonly #budget: RetryBudget;
  readonly #hedging: Hedging<Req, Rep>;

  constructor(next: Service<Req, Rep>, protocol: HedgeProtocol<Req, Rep>, options: HedgeOptions) {
    const { clock, maxExtraLoad, minHedgeDelayMs = 1, loserGraceMs = defaultGraceMs } = options;
    const { sendInterrupts = false, clientBudget = infiniteBudget } = options;
    if (!(maxExtraLoad > 0 && maxExtraLoad < 1)) {
      throw new RangeError(`maxExtraLoad of hedging must be above 0 and below 1, not ${maxExtraLoad}`);
    }
    if (!(minHedgeDelayMs >= 1)) throw new RangeError(`minHedgeDelayMs must be at least 1, not ${minHedgeDelayMs}`);
    if (!(loserGraceMs >= 0)) throw new RangeError(`loserGraceMs must be at least 0, not ${loserGraceMs}`);
    const stats = (options.stats ?? nullStats).scope("backups");
    const budget = newRetryBudget({ ttlMs: budgetTtlMs, minRetriesPerSec: 0, percentCanRetry: maxExtraLoad, clock });
    this.#next = next;
    this.#budget = budget;
    this.#hedging = {
      next,
      protocol,
      clock,
      delay: new HedgeDelay(1 - maxExtraLoad, minHedgeDelayMs, clock.now(), stats.stat("send_backup_after_ms")),
      sendInterrupts,
      loserGraceMs,
      sent: stats.counter("backups_sent"),
      won: stats.counter("backups_won"),
      exhausted: stats.counter("budget_exhausted"),
      // The client's budget is asked only where our own will pay as well.
      tryWithdraw: () => budget.balance >= 1 && clientBudget.tryWithdraw() && budget.tryWithdraw(),
    };
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    const { protocol, clock, delay } = this.#hedging;
    try {
      if (!protocol.isHedgeable(req)) return this.#next.call(req, ctx);
      this.#budget.deposit();
      const nowMs = clock.now();
      const delayMs = delay.at(nowMs);
      if (delayMs !== Number.POSITIVE_INFINITY) return this.#hedged(req, ctx, nowMs, delayMs);
      ctx.observe(new TimedCall(delay, clock, req, nowMs));
      return this.#next.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  #hedged(req: Req, ctx: Ctx, nowMs: number, delayMs: number): Promise<Rep> {
    return new Promise((resolve, reject) => {
      new HedgedCall<Req, Rep>(this.#hedging, req, ctx, resolve, reject).start(nowMs, delayMs);
    });
  }

  get status(): Status {
    return this.#next.status;
  }

  close(): Promise<void> {
    return this.#next.close();
  }
}
