import { asError, Ctx, failed, ok, type Service, type ServiceFactory } from "@weftmesh/core";
import type { Waiter, WaiterHolder } from "./waiters.ts";

/** What a connect asks of the pool that made it. */
export interface DialingPool<Req, Rep> {
  opened(dial: Dial<Req, Rep>, session: Service<Req, Rep>): void;
  failed(dial: Dial<Req, Rep>, error: Error): void;
  /** The call that it was made for went away. */
  orphaned(dial: Dial<Req, Rep>, reason: Error): void;
}

/**
 * One connect under way.
 *
 * Shape: it has a ctx of its own, so that its pool, and not the call that asked for it, says whether it goes on: there
 * may be others to whom the connection is as welcome.
 */
export class Dial<Req, Rep> implements WaiterHolder<Req, Rep> {
  /** The call that gets the session; none if it is for whoever comes. */
  waiter: Waiter<Req, Rep> | undefined = undefined;
  readonly #ctx: Ctx = new Ctx();
  readonly #pool: DialingPool<Req, Rep>;

  constructor(pool: DialingPool<Req, Rep>) {
    this.#pool = pool;
  }

  start(factory: ServiceFactory<Req, Rep>): void {
    let opening: Promise<Service<Req, Rep>>;
    try {
      opening = factory.open(this.#ctx);
    } catch (thrown) {
      opening = Promise.reject(asError(thrown));
    }
    opening.then(
      (session) => {
        this.#ctx.end(ok);
        this.#pool.opened(this, session);
      },
      (thrown: unknown) => {
        const error = asError(thrown);
        this.#ctx.end(failed(error));
        this.#pool.failed(this, error);
      },
    );
  }

  hold(waiter: Waiter<Req, Rep>): void {
    waiter.holder = this;
    this.waiter = waiter;
  }

  /** The waiter, who waits no more. */
  take(): Waiter<Req, Rep> | undefined {
    const { waiter } = this;
    this.waiter = undefined;
    if (waiter !== undefined) waiter.holder = undefined;
    return waiter;
  }

  lose(waiter: Waiter<Req, Rep>): void {
    this.waiter = undefined;
    this.#pool.orphaned(this, waiter.ctx.cancelled as Error);
  }

  /** Gives the connect up; the factory rejects it with the reason. */
  cancel(reason: Error): void {
    this.#ctx.cancel(reason);
  }
}
