import { asError, type Clock, type Ctx, type Service, type Timer } from "@weftmesh/core";
import { QueueDeadlineError } from "./errors.ts";

/** A call that waits for its turn. Whoever takes it out of the queue sends it on or rejects it. */
export class PendingCall<Req, Rep> {
  readonly ctx: Ctx;
  readonly sinceMs: number;
  older: PendingCall<Req, Rep> | undefined = undefined;
  newer: PendingCall<Req, Rep> | undefined = undefined;
  waiting = true;
  /** Ends the wait at the call's deadline. */
  timer: Timer | undefined = undefined;
  readonly reject: (error: Error) => void;
  readonly #req: Req;
  readonly #resolve: (rep: Promise<Rep>) => void;

  constructor(
    req: Req,
    ctx: Ctx,
    sinceMs: number,
    resolve: (rep: Promise<Rep>) => void,
    reject: (error: Error) => void,
  ) {
    this.#req = req;
    this.ctx = ctx;
    this.sinceMs = sinceMs;
    this.#resolve = resolve;
    this.reject = reject;
  }

  send(next: Service<Req, Rep>): void {
    let rep: Promise<Rep>;
    try {
      rep = next.call(this.#req, this.ctx);
    } catch (thrown) {
      rep = Promise.reject(asError(thrown));
    }
    this.#resolve(rep);
  }
}

/**
 * Calls that wait, in the order in which they came. One that is cancelled, or whose deadline passes, leaves by itself.
 *
 * Cost: O(1) each, and a timer for a call that has a deadline.
 */
export class PendingCalls<Req, Rep> {
  readonly #clock: Clock;
  /** Hears of each call that its deadline took out. */
  readonly #expired: () => void;
  #oldest: PendingCall<Req, Rep> | undefined = undefined;
  #newest: PendingCall<Req, Rep> | undefined = undefined;
  #size = 0;

  constructor(clock: Clock, expired: () => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  get size(): number {
    return this.#size;
  }

  /** Why a call need not begin to wait, if so: it is cancelled, or its deadline has passed. */
  refusal(ctx: Ctx, nowMs: number): Error | undefined {
    if (ctx.cancelled !== undefined) return ctx.cancelled;
    if (nowMs < ctx.deadline) return undefined;
    this.#expired();
    return new QueueDeadlineError(0);
  }

  wait(req: Req, ctx: Ctx, nowMs: number): Promise<Rep> {
    return new Promise((resolve, reject) => {
      const call = new PendingCall<Req, Rep>(req, ctx, nowMs, resolve, reject);
      const before = this.#newest;
      call.older = before;
      if (before === undefined) this.#oldest = call;
      else before.newer = call;
      this.#newest = call;
      this.#size++;
      if (ctx.deadline !== Number.POSITIVE_INFINITY) {
        call.timer = this.#clock.after(ctx.deadline - nowMs, () => this.#expire(call));
      }
      ctx.onCancel((reason) => {
        if (!call.waiting) return;
        this.#remove(call);
        reject(reason);
      });
    });
  }

  takeOldest(): PendingCall<Req, Rep> | undefined {
    const call = this.#oldest;
    if (call !== undefined) this.#remove(call);
    return call;
  }

  takeNewest(): PendingCall<Req, Rep> | undefined {
    const call = this.#newest;
    if (call !== undefined) this.#remove(call);
    return call;
  }

  /** Whether a call that was taken may still be sent; if its time was over, it has been told so. */
  isDue(call: PendingCall<Req, Rep>, nowMs: number): boolean {
    // A timer may be late by a tick of its wheel.
    if (nowMs < call.ctx.deadline) return true;
    this.#reject(call);
    return false;
  }

  failAll(error: Error): void {
    for (let call = this.takeOldest(); call !== undefined; call = this.takeOldest()) call.reject(error);
  }

  #expire(call: PendingCall<Req, Rep>): void {
    this.#remove(call);
    this.#reject(call);
  }

  #reject(call: PendingCall<Req, Rep>): void {
    this.#expired();
    call.reject(new QueueDeadlineError(this.#clock.now() - call.sinceMs));
  }

  #remove(call: PendingCall<Req, Rep>): void {
    const { older, newer } = call;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    call.older = undefined;
    call.newer = undefined;
    call.waiting = false;
    call.timer?.cancel();
    this.#size--;
  }
}
