import type { Ctx } from "@weftmesh/core";

/** A call that waits for its turn. */
export class Waiter<Req, Rep> {
  readonly req: Req;
  readonly ctx: Ctx;
  readonly resolve: (rep: Promise<Rep>) => void;
  readonly reject: (error: Error) => void;
  waiting = true;
  previous: Waiter<Req, Rep> | undefined = undefined;
  next: Waiter<Req, Rep> | undefined = undefined;

  constructor(req: Req, ctx: Ctx, resolve: (rep: Promise<Rep>) => void, reject: (error: Error) => void) {
    this.req = req;
    this.ctx = ctx;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** The calls that wait for a session, first come first served. A cancelled one is out at once. Cost: O(1) each. */
export class Waiters<Req, Rep> {
  #first: Waiter<Req, Rep> | undefined = undefined;
  #last: Waiter<Req, Rep> | undefined = undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  wait(req: Req, ctx: Ctx): Promise<Rep> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter<Req, Rep>(req, ctx, resolve, reject);
      const last = this.#last;
      waiter.previous = last;
      if (last === undefined) this.#first = waiter;
      else last.next = waiter;
      this.#last = waiter;
      this.#size++;
      ctx.onCancel((reason) => {
        if (!waiter.waiting) return;
        this.#remove(waiter);
        reject(reason);
      });
    });
  }

  /** The one whose turn it is. */
  shift(): Waiter<Req, Rep> | undefined {
    const waiter = this.#first;
    if (waiter !== undefined) this.#remove(waiter);
    return waiter;
  }

  #remove(waiter: Waiter<Req, Rep>): void {
    const { previous, next } = waiter;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    waiter.previous = undefined;
    waiter.next = undefined;
    waiter.waiting = false;
    this.#size--;
  }
}
