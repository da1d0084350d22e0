import {
  asError,
  ClassifierKey,
  type Clock,
  type Ctx,
  defaultClassifier,
  failed,
  hasFlag,
  isWeftError,
  type Service,
} from "@weftmesh/core";
import type { RetryBudget } from "@weftmesh/retry-budget";
import type { Counter, Stat } from "@weftmesh/telemetry";
import { attempt } from "./attempt.ts";
import { discardAttempt } from "./discard-attempt.ts";
import { nonRetryable } from "./errors.ts";
import type { Resend, RetryProtocol } from "./retry-protocol.ts";

const withoutSession: ReadonlySet<string> = new Set(["WEFT_OPEN_TIMEOUT", "WEFT_POOL_DEAD_SESSION", "WEFT_FAILFAST"]);

/** What all calls of one client share. */
export interface Requeueing<Req, Rep> {
  readonly next: Service<Req, Rep>;
  readonly protocol: RetryProtocol<Req, Rep>;
  readonly budget: RetryBudget;
  /** The share of the budget that one call may use. */
  readonly maxShare: number;
  /** Times that a call may try to find a connection without paying. */
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
    const { protocol, budget, perRequest, clock } = this.#shared;
    const begun = protocol.begin(ctx, rep);
    if (protocol.isNack(begun)) {
      if (this.#resend.possible && this.#ctx.cancelled === undefined && this.#pay()) {
        discardAttempt(protocol, clock, ctx, begun);
        return this.#again();
      }
      protocol.dropNack(begun);
    } else {
      const classifier = this.#ctx.get(ClassifierKey) ?? defaultClassifier;
      if (classifier.classify(this.#req, begun, undefined) === "success") budget.deposit();
    }
    perRequest.add(this.#requeues);
    this.#resend.settle();
    return begun;
  }

  #failed(ctx: Ctx, error: Error): Promise<Rep> {
    ctx.end(failed(ctx.cancelled ?? error));
    const { cancelled } = this.#ctx;
    if (cancelled !== undefined) return this.#giveUp(cancelled);
    if (!isRequeueable(error)) return this.#giveUp(error);
    const { next, maxConnects, cannotRetry, notOpen } = this.#shared;
    if (!this.#resend.possible) {
      cannotRetry.inc();
      return this.#giveUp(error);
    }
    const neverConnected = isWeftError(error) && isAboutConnecting(error.code);
    if (next.status !== "open") {
      (neverConnected ? notOpen : cannotRetry).inc();
      return this.#giveUp(error);
    }
    if (neverConnected && this.#connects < maxConnects) {
      this.#connects++;
      return this.#again();
    }
    return this.#pay() ? this.#again() : this.#giveUp(nonRetryable(error));
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

  #giveUp(error: Error): Promise<Rep> {
    this.#shared.perRequest.add(this.#requeues);
    this.#resend.settle();
    return Promise.reject(error);
  }
}

/** There was no session to send anything on, which Finagle tells from a session that took nothing. */
function isAboutConnecting(code: string): boolean {
  return code.startsWith("WEFT_CONNECT_") || withoutSession.has(code);
}

/** Nothing of the request took effect, and nobody has had enough of it. */
function isRequeueable(error: Error): boolean {
  return hasFlag(error, "retryable") && !hasFlag(error, "nonRetryable") && !hasFlag(error, "interrupted");
}
