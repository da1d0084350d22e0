import type { Ctx } from "@weftmesh/core";

class WaitingCall<Req, Rep> {
  readonly req: Req;
  readonly ctx: Ctx;
  readonly resolve: (rep: Rep | Promise<Rep>) => void;
  readonly reject: (error: Error) => void;

  constructor(req: Req, ctx: Ctx, resolve: (rep: Rep | Promise<Rep>) => void, reject: (error: Error) => void) {
    this.req = req;
    this.ctx = ctx;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** Calls that came before their endpoints were known, in order; one that is cancelled leaves at once. */
export class WaitingCalls<Req, Rep> {
  readonly #calls = new Set<WaitingCall<Req, Rep>>();

  get size(): number {
    return this.#calls.size;
  }

  add(req: Req, ctx: Ctx): Promise<Rep> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    return new Promise((resolve, reject) => {
      const call = new WaitingCall<Req, Rep>(req, ctx, resolve, reject);
      this.#calls.add(call);
      ctx.onCancel((reason) => {
        if (this.#calls.delete(call)) reject(reason);
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

  #take(): WaitingCall<Req, Rep>[] {
    const calls = [...this.#calls];
    this.#calls.clear();
    return calls;
  }
}
