import type { Backoff } from "@weftmesh/backoff";
import {
  asError,
  ClassifierKey,
  type Clock,
  type Ctx,
  defaultClassifier,
  failed,
  type Rng,
  type Service,
} from "@weftmesh/core";
import type { RetryBudget } from "@weftmesh/retry-budget";
import type { Counter, Stat } from "@weftmesh/telemetry";
import { attempt } from "./attempt.ts";
import { discardAttempt } from "./discard-attempt.ts";
import { isFinal, nonRetryable } from "./errors.ts";
import type { Resend, RetryProtocol } from "./retry-protocol.ts";
import { wait } from "./wait.ts";

/** What all calls of one service share. */
export interface Retrying<Req, Rep> {
  readonly next: Service<Req, Rep>;
  readonly protocol: RetryProtocol<Req, Rep>;
  readonly budget: RetryBudget;
  readonly backoff: Backoff;
  /** Retries of one call at most. */
  readonly maxRetries: number;
  /** The longest wait that a peer may ask for. */
  readonly maxPushBackMs: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly total: Counter;
  readonly perRequest: Stat;
  readonly budgetExhausted: Counter;
  readonly backoffsExhausted: Counter;
  readonly tooLong: Counter;
}

/** There is to be no retry, and nobody else should make one instead. */
const enough = -1;
/** There can be none from here. */
const impossible = -2;

/**
 * One call and its attempts, one after the other, each on a ctx of its own.
 *
 * Shape: an attempt is retried when the call's classifier says so, no layer below forbids it, the request can be sent
 * again, the wait ends before the deadline, and the budget pays. Else its answer or its failure is that of the call.
 */
export class RetriedCall<Req, Rep> {
  readonly #shared: Retrying<Req, Rep>;
  readonly #req: Req;
  readonly #ctx: Ctx;
  readonly #resend: Resend;
  #retries = 0;
  /** What the backoff said last. */
  #previousMs = 0;

  constructor(shared: Retrying<Req, Rep>, req: Req, ctx: Ctx) {
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
    const { protocol, clock } = this.#shared;
    const begun = protocol.begin(ctx, rep);
    if (this.#classify(begun, undefined) !== "retryable" || protocol.isFinal(begun)) return this.#settle(begun);
    // A caller that left while the answer was on its way wants no other.
    if (this.#ctx.cancelled !== undefined) return this.#settle(begun);
    const delayMs = this.#delayMs(protocol.pushBackMs(begun, clock.epochMs()));
    if (delayMs < 0 || !this.#pay()) return this.#settle(begun);
    discardAttempt(protocol, clock, ctx, begun);
    return this.#again(delayMs);
  }

  #failed(ctx: Ctx, error: Error): Promise<Rep> {
    ctx.end(failed(ctx.cancelled ?? error));
    const { cancelled } = this.#ctx;
    // A caller that left wants no retry; and that is what it hears, whatever came of the attempt.
    if (cancelled !== undefined) return this.#giveUp(cancelled);
    if (isFinal(error) || this.#classify(undefined, error) !== "retryable") return this.#giveUp(error);
    const delayMs = this.#delayMs(undefined);
    if (delayMs === impossible) return this.#giveUp(error);
    return delayMs !== enough && this.#pay() ? this.#again(delayMs) : this.#giveUp(nonRetryable(error));
  }

  #classify(rep: Rep | undefined, error: Error | undefined): string {
    const classifier = this.#ctx.get(ClassifierKey) ?? defaultClassifier;
    return classifier.classify(this.#req, rep, error);
  }

  /** How long to wait before the next attempt; below zero is why there is none. */
  #delayMs(pushBackMs = 0): number {
    const { maxRetries, maxPushBackMs, backoff, backoffsExhausted, tooLong, clock, rng } = this.#shared;
    // An answer now, which says when to come again, is better than a caller who waits as long as some peer likes.
    if (this.#retries >= maxRetries || pushBackMs > maxPushBackMs) return enough;
    if (!this.#resend.possible) {
      tooLong.inc();
      return impossible;
    }
    const backoffMs = backoff.delayMs(this.#retries, this.#previousMs, rng);
    if (backoffMs === undefined) {
      backoffsExhausted.inc();
      return enough;
    }
    const delayMs = Math.max(backoffMs, pushBackMs);
    // Not below: a pushback for ever ends here where nothing else limits it.
    if (!(clock.now() + delayMs < this.#ctx.deadline)) return impossible;
    this.#previousMs = backoffMs;
    return delayMs;
  }

  #pay(): boolean {
    const { budget, budgetExhausted } = this.#shared;
    if (budget.tryWithdraw()) return true;
    budgetExhausted.inc();
    return false;
  }

  #again(delayMs: number): Promise<Rep> {
    this.#retries++;
    this.#shared.total.inc();
    this.#resend.again();
    if (delayMs === 0) return this.attempt();
    return wait(this.#shared.clock, delayMs, this.#ctx).then(
      () => this.attempt(),
      (reason: Error) => this.#giveUp(reason),
    );
  }

  #settle(rep: Rep): Rep {
    this.#shared.perRequest.add(this.#retries);
    this.#resend.settle();
    return rep;
  }

  #giveUp(error: Error): Promise<Rep> {
    this.#shared.perRequest.add(this.#retries);
    this.#resend.settle();
    return Promise.reject(error);
  }
}
