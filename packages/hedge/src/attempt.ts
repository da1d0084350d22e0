import {
  ClassifierKey,
  type Clock,
  type Ctx,
  defaultClassifier,
  hasFlag,
  type Observer,
  type Outcome,
  type Timer,
} from "@weftmesh/core";
import { SupersededError } from "./errors.ts";
import type { HedgeDelay } from "./hedge-delay.ts";

/**
 * Takes the time of one call to the head of its answer, as far as it says something of the peer: for a success, for a
 * call that ran out of time, and for one that was superseded, which would have taken longer still. Other failures may
 * be fast, and would make backups come too early.
 */
export class TimedCall<Req> implements Observer {
  /** The head of an answer has come, and it is a success. */
  succeeded = false;
  readonly #delay: HedgeDelay;
  readonly #clock: Clock;
  readonly #req: Req;
  readonly #sinceMs: number;
  #heard = false;

  constructor(delay: HedgeDelay, clock: Clock, req: Req, sinceMs: number) {
    this.#delay = delay;
    this.#clock = clock;
    this.#req = req;
    this.#sinceMs = sinceMs;
  }

  onResponse(ctx: Ctx, rep: unknown): void {
    if (this.#heard) return;
    this.#heard = true;
    this.succeeded = isSuccess(ctx, this.#req, rep);
    if (this.succeeded) this.#record();
  }

  onEnd(_ctx: Ctx, outcome: Outcome): void {
    if (this.#heard || outcome.kind === "ok") return;
    const { error } = outcome;
    if (error instanceof SupersededError || hasFlag(error, "deadlineExceeded")) this.#record();
  }

  #record(): void {
    const nowMs = this.#clock.now();
    this.#delay.record(nowMs, nowMs - this.#sinceMs);
  }
}

/** A classifier that throws has not said that it was a success; whoever counts the call says what it threw. */
function isSuccess(ctx: Ctx, req: unknown, rep: unknown): boolean {
  try {
    return (ctx.get(ClassifierKey) ?? defaultClassifier).classify(req, rep, undefined) === "success";
  } catch {
    return false;
  }
}

/** One of the two attempts at a hedged call. */
export class Attempt<Req> extends TimedCall<Req> {
  readonly ctx: Ctx;
  /** It has answered or failed. */
  answered = false;
  /** Cuts it off if nobody waits for it and it does not come to an end. */
  limit: Timer | undefined = undefined;

  constructor(ctx: Ctx, delay: HedgeDelay, clock: Clock, req: Req, sinceMs: number) {
    super(delay, clock, req, sinceMs);
    this.ctx = ctx;
    ctx.observe(this);
  }

  override onEnd(ctx: Ctx, outcome: Outcome): void {
    this.limit?.cancel();
    this.limit = undefined;
    super.onEnd(ctx, outcome);
  }
}
