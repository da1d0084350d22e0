import type { Backoff } from "@weftmesh/backoff";
import {
  asError,
  type Classifier,
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
import type { Held, Resend, RetryProtocol } from "./retry-protocol.ts";
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
  /** What may be kept of a stream, where the protocol has them. */
  readonly streams: StreamLimits | undefined;
}

/** How much of a request and of its answer is kept, so that the request can be sent again, and what it counts. */
export interface StreamLimits {
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** How long the end of an answer is waited for; 0 for not at all. */
  readonly classificationTimeoutMs: number;
  readonly responseTooLong: Counter;
  readonly classificationTimeout: Counter;
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
    this.#resend = shared.protocol.prepare(req, shared.streams?.requestBytes);
  }

  attempt(): Promise<Rep> {
    const ctx = this.#ctx.fork();
    return attempt(this.#shared.next, this.#req, ctx).then(
      (rep) => this.#answered(ctx, rep),
      (thrown: unknown) => this.#failed(ctx, asError(thrown)),
    );
  }

  #answered(ctx: Ctx, rep: Rep): Rep | Promise<Rep> {
    const begun = this.#shared.protocol.begin(ctx, rep);
    if (this.#classify(begun, undefined) === "retryable") return this.#retryOr(ctx, begun);
    const { streams } = this.#shared;
    if (streams === undefined || this.#classifier.mayTurnRetryable?.(this.#req, begun) !== true) {
      return this.#settle(begun);
    }
    return this.#hold(ctx, begun, streams);
  }

  /** What the end of the answer will say may call for a retry, so it is waited for, if a retry is possible at all. */
  #hold(ctx: Ctx, rep: Rep, streams: StreamLimits): Rep | Promise<Rep> {
    const { protocol, maxRetries, clock, tooLong } = this.#shared;
    const { responseBytes, classificationTimeoutMs } = streams;
    if (protocol.hold === undefined || classificationTimeoutMs === 0) return this.#settle(rep);
    if (this.#retries >= maxRetries || this.#ctx.cancelled !== undefined) return this.#settle(rep);
    if (!this.#resend.possible) {
      tooLong.inc();
      return this.#settle(rep);
    }
    const held = protocol.hold(ctx, rep, responseBytes, classificationTimeoutMs, clock);
    return held instanceof Promise
      ? held.then((each) => this.#judgeHeld(ctx, rep, each, streams))
      : this.#judgeHeld(ctx, rep, held, streams);
  }

  #judgeHeld(ctx: Ctx, rep: Rep, held: Held, streams: StreamLimits): Rep | Promise<Rep> {
    if (held === "tooLong") streams.responseTooLong.inc();
    else if (held === "late") streams.classificationTimeout.inc();
    else {
      const error = held === "ended" ? undefined : held;
      if (error !== undefined && (this.#ctx.cancelled !== undefined || isFinal(error))) return this.#settle(rep);
      if (this.#classify(rep, error) === "retryable") return this.#retryOr(ctx, rep);
    }
    return this.#settle(rep);
  }

  /** Another attempt in the place of an answer that calls for one, or else that answer. */
  #retryOr(ctx: Ctx, rep: Rep): Rep | Promise<Rep> {
    const { protocol, clock } = this.#shared;
    if (protocol.isFinal(rep)) return this.#settle(rep);
    // A caller that left while the answer was on its way wants no other.
    if (this.#ctx.cancelled !== undefined) return this.#settle(rep);
    const delayMs = this.#delayMs(protocol.pushBackMs(rep, clock.epochMs()));
    if (delayMs < 0 || !this.#pay()) return this.#settle(rep);
    discardAttempt(protocol, clock, ctx, rep);
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

  get #classifier(): Classifier {
    return this.#ctx.get(ClassifierKey) ?? defaultClassifier;
  }

  #classify(rep: Rep | undefined, error: Error | undefined): string {
    return this.#classifier.classify(this.#req, rep, error);
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
