import { asError, type Clock, type Ctx, failed, hasFlag, type Service } from "@weftmesh/core";
import type { RetryBudget } from "@weftmesh/retry-budget";
import type { Counter, Stat } from "@weftmesh/telemetry";
import { attempt } from "./attempt.ts";
import { discardAttempt } from "./discard-attempt.ts";
import { hadNoSession, isFinal, nonRetryable } from "./errors.ts";
import type { Resend, RetryProtocol } from "./retry-protocol.ts";

/** What all calls of one client share. */
export interface Requeueing<Req, Rep> {
  readonly next: Service<Req, Rep>;
  readonly protocol: RetryProtocol<Req, Rep>;
  readonly budget: RetryBudget;
  /** The share of the budget that one call may use. */
  readonly maxShare: number;
  /** Times that a call may look for a session again, which it does not pay for. */
  readonly maxConnects: number;
  readonly clock: Clock;
  readonly requeues: Counter;
  readonly perRequest: Stat;
  readonly budgetExhausted: Counter;
  readonly requestLimit: Counter;
  readonly notOpen: Counter;
  readonly cannotRetry: Counter;
}

/** One call and its attempts, each on a ctx of its own. */
export class RequeuedCall<Req, Rep> {
  readonly #shared: Requeueing<Req, Rep>;
  readonly #req: Req;
  readonly #ctx: Ctx;
  readonly #resend: Resend;
  #requeues = 0;
  #connects = 0;
  /** Requeues that are left to this call; unknown until the first failure. */
  #left = -1;

  constructor(shared: Requeueing<Req, Rep>, req: Req, ctx: Ctx) {
    this.#shared = shared;
    this.#req = req;
    this.#ctx = ctx;
    this.#resend = shared.protocol.prepare(req);
  }

  attempt(): Promise<Rep> {
    const ctx = this.#ctx.fork();
    return attempt(this.#shared.next, this.#req, ctx).then(
      (rep) => this.#answered(ctx, rep),
      (thrown: unknown) => this.#failed(ctx, asError(thrown)),
    );
  }

  #answered(ctx: Ctx, rep: Rep): Rep | Promise<Rep> {
    const { protocol, clock, cannotRetry } = this.#shared;
    const begun = protocol.begin(ctx, rep);
    if (!protocol.isNack(begun)) return this.#settle(begun);
    if (this.#ctx.cancelled !== undefined) return this.#settle(begun);
    const mayTry = this.#mayTry(cannotRetry);
    if (mayTry && this.#pay()) {
      discardAttempt(protocol, clock, ctx, begun);
      return this.#again();
    }
    // It stays as it is for others to retry only if nothing but the state of the endpoints was against it.
    if (mayTry || !this.#resend.possible) protocol.dropNack(begun);
    return this.#settle(begun);
  }

  #failed(ctx: Ctx, error: Error): Promise<Rep> {
    ctx.end(failed(ctx.cancelled ?? error));
    const { cancelled } = this.#ctx;
    if (cancelled !== undefined) return this.#giveUp(cancelled);
    if (!hasFlag(error, "retryable") || isFinal(error)) return this.#giveUp(error);
    const { cannotRetry, notOpen } = this.#shared;
    const noSession = hadNoSession(error);
    if (!this.#mayTry(noSession ? notOpen : cannotRetry)) return this.#giveUp(error);
    return (noSession ? this.#lookAgain() : this.#pay()) ? this.#again() : this.#giveUp(nonRetryable(error));
  }

  /** Whether the request can be sent again, and there is anybody to send it to; else counts why not. */
  #mayTry(notOpen: Counter): boolean {
    const { next, cannotRetry } = this.#shared;
    const { possible } = this.#resend;
    if (possible && next.status === "open") return true;
    (possible ? notOpen : cannotRetry).inc();
    return false;
  }

  /** Whether the call may look for a session once more. */
  #lookAgain(): boolean {
    const { maxConnects, requestLimit } = this.#shared;
    if (this.#connects++ < maxConnects) return true;
    requestLimit.inc();
    return false;
  }

  #pay(): boolean {
    const { budget, maxShare, requestLimit, budgetExhausted } = this.#shared;
    if (this.#left === -1) this.#left = Math.ceil(maxShare * budget.balance);
    if (this.#left === 0) {
      requestLimit.inc();
      return false;
    }
    if (!budget.tryWithdraw()) {
      budgetExhausted.inc();
      return false;
    }
    this.#left--;
    return true;
  }

  #again(): Promise<Rep> {
    this.#requeues++;
    this.#shared.requeues.inc();
    this.#resend.again();
    return this.attempt();
  }

  #settle(rep: Rep): Rep {
    this.#shared.perRequest.add(this.#requeues);
    this.#resend.settle();
    return rep;
  }

  #giveUp(error: Error): Promise<Rep> {
    this.#shared.perRequest.add(this.#requeues);
    this.#resend.settle();
    return Promise.reject(error);
  }
}
