import type { Clock, Ctx, Timer } from "@weftmesh/core";
import { BalancerTimeoutError } from "./errors.ts";

class WaitingCall<Req, Rep> {
  readonly req: Req;
  readonly ctx: Ctx;
  readonly resolve: (rep: Rep | Promise<Rep>) => void;
  readonly reject: (error: Error) => void;
  timer: Timer | undefined = undefined;

  constructor(req: Req, ctx: Ctx, resolve: (rep: Rep | Promise<Rep>) => void, reject: (error: Error) => void) {
    this.req = req;
    this.ctx = ctx;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** Calls that came before their endpoints were known, in order; one that is cancelled, or too late, leaves at once. */
export class WaitingCalls<Req, Rep> {
  readonly #calls = new Set<WaitingCall<Req, Rep>>();
  readonly #clock: Clock;
  readonly #label: string;

  constructor(clock: Clock, label: string) {
    this.#clock = clock;
    this.#label = label;
  }

  get size(): number {
    return this.#calls.size;
  }

  add(req: Req, ctx: Ctx): Promise<Rep> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    const leftMs = ctx.deadline === Number.POSITIVE_INFINITY ? ctx.deadline : ctx.deadline - this.#clock.now();
    if (leftMs <= 0) return Promise.reject(new BalancerTimeoutError(this.#label, 0));
    return new Promise((resolve, reject) => {
      const call = new WaitingCall<Req, Rep>(req, ctx, resolve, reject);
      this.#calls.add(call);
      ctx.onCancel((reason) => {
        if (this.#leave(call)) reject(reason);
      });
      if (leftMs === Number.POSITIVE_INFINITY) return;
      call.timer = this.#clock.after(leftMs, () => {
        if (this.#leave(call)) reject(new BalancerTimeoutError(this.#label, leftMs));
      });
    });
  }

  /** Sends them on. */
  flush(send: (req: Req, ctx: Ctx) => Promise<Rep>): void {
    for (const call of this.#take()) call.resolve(send(call.req, call.ctx));
  }

  fail(error: Error): void {
    for (const call of this.#take()) call.reject(error);
  }

  #leave(call: WaitingCall<Req, Rep>): boolean {
    call.timer?.cancel();
    return this.#calls.delete(call);
  }

  #take(): WaitingCall<Req, Rep>[] {
    const calls = [...this.#calls];
    for (const call of calls) this.#leave(call);
    return calls;
  }
}
