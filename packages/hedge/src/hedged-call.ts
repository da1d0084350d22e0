import { asError, type Clock, type Ctx, failed, type Service, type Timer } from "@weftmesh/core";
import { BackupKey } from "@weftmesh/retry-budget";
import type { Counter } from "@weftmesh/telemetry";
import { Attempt } from "./attempt.ts";
import { SupersededError } from "./errors.ts";
import type { HedgeDelay } from "./hedge-delay.ts";
import type { HedgeProtocol } from "./hedge-protocol.ts";

/** What all calls of one hedged service share. */
export interface Hedging<Req, Rep> {
  readonly next: Service<Req, Rep>;
  readonly protocol: HedgeProtocol<Req, Rep>;
  readonly clock: Clock;
  readonly delay: HedgeDelay;
  /** Cancel the loser at once. */
  readonly sendInterrupts: boolean;
  /** How long a loser that is not cancelled may go on. */
  readonly loserGraceMs: number;
  readonly sent: Counter;
  readonly won: Counter;
  readonly exhausted: Counter;
  /** Pays for a backup, if the budgets allow it. */
  tryWithdraw(): boolean;
}

/**
 * One call, and its backup if it comes to that.
 *
 * Shape: the first success is the answer; when the first to answer failed, the answer is what the other one brings.
 * Each attempt has a ctx of its own, which ends with its own answer, so that whoever watches an attempt hears how that
 * one ended. A loser's answer is thrown away.
 */
export class HedgedCall<Req, Rep> {
  readonly #hedging: Hedging<Req, Rep>;
  readonly #req: Req;
  readonly #ctx: Ctx;
  readonly #resolve: (rep: Rep) => void;
  readonly #reject: (error: Error) => void;
  #original: Attempt<Req> | undefined = undefined;
  #backup: Attempt<Req> | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #settled = false;

  constructor(
    hedging: Hedging<Req, Rep>,
    req: Req,
    ctx: Ctx,
    resolve: (rep: Rep) => void,
    reject: (error: Error) => void,
  ) {
    this.#hedging = hedging;
    this.#req = req;
    this.#ctx = ctx;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(nowMs: number, delayMs: number): void {
    this.#timer = this.#hedging.clock.after(delayMs, () => this.#hedge());
    this.#original = this.#attempt(this.#req, this.#ctx.fork(), nowMs);
  }

  /** No answer in time. */
  #hedge(): void {
    const { protocol, clock, sent, exhausted } = this.#hedging;
    if (this.#settled || this.#ctx.cancelled !== undefined || this.#ctx.ended) return;
    if (!this.#hedging.tryWithdraw()) {
      exhausted.inc();
      return;
    }
    sent.inc();
    const ctx = this.#ctx.fork().set(BackupKey, true);
    this.#backup = this.#attempt(protocol.copy(this.#req), ctx, clock.now());
  }

  #attempt(req: Req, ctx: Ctx, nowMs: number): Attempt<Req> {
    const { next, delay, clock } = this.#hedging;
    const attempt = new Attempt(ctx, delay, clock, req, nowMs);
    let answer: Promise<Rep>;
    try {
      answer = next.call(req, ctx);
    } catch (thrown) {
      answer = Promise.reject(asError(thrown));
    }
    answer.then(
      (rep) => {
        // Whoever watches the attempt, or takes its answer, may throw: then there is no answer.
        try {
          this.#answered(attempt, rep);
        } catch (thrown) {
          this.#failed(attempt, asError(thrown));
        }
      },
      (thrown: unknown) => this.#failed(attempt, asError(thrown)),
    );
    return attempt;
  }

  #answered(attempt: Attempt<Req>, rep: Rep): void {
    const { protocol, won } = this.#hedging;
    const begun = protocol.begin(attempt.ctx, rep);
    attempt.answered = true;
    const rival = this.#rivalOf(attempt);
    if (this.#settled || (!attempt.succeeded && rival !== undefined)) {
      this.#discard(attempt, begun);
      return;
    }
    if (attempt.succeeded && rival !== undefined) {
      if (attempt === this.#backup) won.inc();
      this.#supersede(rival);
    }
    this.#settle();
    this.#resolve(begun);
  }

  #failed(attempt: Attempt<Req>, error: Error): void {
    attempt.answered = true;
    // Whoever watches the attempt must hear that it was cancelled, whatever became of it then.
    attempt.ctx.end(failed(attempt.ctx.cancelled ?? error));
    if (this.#settled || this.#rivalOf(attempt) !== undefined) return;
    this.#settle();
    this.#reject(error);
  }

  /** The other attempt, if it may still answer. */
  #rivalOf(attempt: Attempt<Req>): Attempt<Req> | undefined {
    const other = attempt === this.#backup ? this.#original : this.#backup;
    return other === undefined || other.answered ? undefined : other;
  }

  #supersede(loser: Attempt<Req>): void {
    if (this.#hedging.sendInterrupts) loser.ctx.cancel(new SupersededError());
    else this.#limit(loser);
  }

  #discard(attempt: Attempt<Req>, rep: Rep): void {
    this.#limit(attempt);
    this.#hedging.protocol.discard(rep, new SupersededError());
  }

  /** Nobody waits for the attempt any more, its caller least of all: it must not go on for ever. */
  #limit(attempt: Attempt<Req>): void {
    if (attempt.limit !== undefined || attempt.ctx.ended) return;
    const { clock, loserGraceMs } = this.#hedging;
    attempt.limit = clock.after(loserGraceMs, () => attempt.ctx.cancel(new SupersededError()));
  }

  #settle(): void {
    this.#settled = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
