import type { Clock, Ctx, Timer } from "@weftmesh/core";
import { PoolDeadlineError } from "./errors.ts";

/** Where a waiter waits: in the queue, or for the connect that is made for it. */
export interface WaiterHolder<Req, Rep> {
  /** The waiter has gone by itself; its promise is rejected already. */
  lose(waiter: Waiter<Req, Rep>): void;
}

/** A call that waits for a session. */
export class Waiter<Req, Rep> {
  readonly req: Req;
  readonly ctx: Ctx;
  readonly resolve: (rep: Rep | Promise<Rep>) => void;
  readonly reject: (error: Error) => void;
  /** None once it waits no more. */
  holder: WaiterHolder<Req, Rep> | undefined = undefined;
  /** Until its deadline, while it stands in a queue. */
  timer: Timer | undefined = undefined;
  /** Neighbours in the queue. */
  previous: Waiter<Req, Rep> | undefined = undefined;
  next: Waiter<Req, Rep> | undefined = undefined;

  constructor(req: Req, ctx: Ctx, resolve: (rep: Rep | Promise<Rep>) => void, reject: (error: Error) => void) {
    this.req = req;
    this.ctx = ctx;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** It was cancelled, or its time is up. */
  leave(reason: Error): void {
    const { holder } = this;
    if (holder === undefined) return;
    this.holder = undefined;
    this.reject(reason);
    holder.lose(this);
  }
}

/** The call as a waiter, which `hold` puts in its place; it leaves that when it is cancelled. */
export function waitFor<Req, Rep>(req: Req, ctx: Ctx, hold: (waiter: Waiter<Req, Rep>) => void): Promise<Rep> {
  return new Promise((resolve, reject) => {
    const waiter = new Waiter<Req, Rep>(req, ctx, resolve, reject);
    hold(waiter);
    ctx.onCancel((reason) => waiter.leave(reason));
  });
}

/**
 * The calls that wait for a session, first come first served. One that is cancelled, or whose deadline passes, is out
 * at once.
 *
 * Cost: O(1) each; the clock is read for calls with a deadline only.
 */
export class Waiters<Req, Rep> implements WaiterHolder<Req, Rep> {
  readonly #clock: Clock;
  /** Hears when somebody left by himself. */
  readonly #left: () => void;
  #first: Waiter<Req, Rep> | undefined = undefined;
  #last: Waiter<Req, Rep> | undefined = undefined;
  #size = 0;

  constructor(clock: Clock, left: () => void = () => {}) {
    this.#clock = clock;
    this.#left = left;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether the call's deadline has passed: then it must not wait. */
  isLate(ctx: Ctx): boolean {
    return ctx.deadline < Number.POSITIVE_INFINITY && ctx.deadline <= this.#clock.now();
  }

  wait(req: Req, ctx: Ctx): Promise<Rep> {
    // What is no number is no deadline.
    if (!(ctx.deadline < Number.POSITIVE_INFINITY)) return waitFor(req, ctx, this.#push);
    const sinceMs = this.#clock.now();
    return waitFor(req, ctx, (waiter: Waiter<Req, Rep>) => {
      this.#push(waiter);
      const late = () => waiter.leave(new PoolDeadlineError(Math.round(this.#clock.now() - sinceMs)));
      waiter.timer = this.#clock.after(ctx.deadline - sinceMs, late);
    });
  }

  /** The one whose turn it is. */
  shift(): Waiter<Req, Rep> | undefined {
    const waiter = this.#first;
    if (waiter === undefined) return undefined;
    waiter.holder = undefined;
    this.#remove(waiter);
    return waiter;
  }

  /** All of them leave with this error. */
  fail(error: Error): void {
    for (let waiter = this.shift(); waiter !== undefined; waiter = this.shift()) waiter.reject(error);
  }

  lose(waiter: Waiter<Req, Rep>): void {
    this.#remove(waiter);
    this.#left();
  }

  readonly #push: (waiter: Waiter<Req, Rep>) => void = (waiter) => {
    const last = this.#last;
    waiter.holder = this;
    waiter.previous = last;
    if (last === undefined) this.#first = waiter;
    else last.next = waiter;
    this.#last = waiter;
    this.#size++;
  };

  #remove(waiter: Waiter<Req, Rep>): void {
    const { previous, next } = waiter;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    waiter.previous = undefined;
    waiter.next = undefined;
    waiter.timer?.cancel();
    waiter.timer = undefined;
    this.#size--;
  }
}
