import {
  asError,
  type Ctx,
  defineModule,
  type Module,
  type Observer,
  type Param,
  param,
  type Role,
  role,
  type Service,
  type Status,
} from "@weftmesh/core";
import { StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { OverloadedError } from "./errors.ts";

export const ConcurrencyLimitRole: Role = role("concurrencyLimit");

/** Calls that may be under way at once: a whole number above 0; `Infinity` leaves the module out. */
export const MaxConcurrentRequests: Param<number> = param("maxConcurrentRequests", Number.POSITIVE_INFINITY);

/** Counts the calls below it, and is itself the observer that hears of their ends. */
class ConcurrencyLimit<Req, Rep> implements Service<Req, Rep>, Observer {
  readonly #max: number;
  readonly #next: Service<Req, Rep>;
  readonly #gauges: readonly (() => void)[];
  #active = 0;

  constructor(max: number, stats: StatsReceiver, next: Service<Req, Rep>) {
    this.#max = max;
    this.#next = next;
    this.#gauges = [
      stats.gauge(() => this.#active, "request_concurrency"),
      // Nobody waits here; dashboards of Linkerd 1 ask for it all the same.
      stats.gauge(() => 0, "request_queue_size"),
    ];
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#active >= this.#max) return Promise.reject(new OverloadedError(this.#max));
    this.#active++;
    ctx.observe(this);
    try {
      return this.#next.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  onEnd(): void {
    this.#active--;
  }

  get status(): Status {
    return this.#next.status;
  }

  close(): Promise<void> {
    for (const remove of this.#gauges) remove();
    return this.#next.close();
  }
}

/**
 * Refuses calls beyond a limit at once, with no queue.
 *
 * Shape: a call counts until it ends, which for a streamed answer is when its body does.
 * Errors: `WEFT_OVERLOADED`, flagged rejected and retryable. A limit that is not above 0 throws RangeError when the
 * stack is built.
 * Cost: a compare, an increment and an observer that is there already.
 * Source: Finagle RequestSemaphoreFilter with no waiters.
 */
export const concurrencyLimit: <Req, Rep>() => Module<Service<Req, Rep>> = <Req, Rep>() =>
  defineModule<Service<Req, Rep>, { max: typeof MaxConcurrentRequests; stats: typeof StatsParam }>({
    role: ConcurrencyLimitRole,
    description: "Refuses calls beyond the number that may be under way at once",
    params: { max: MaxConcurrentRequests, stats: StatsParam },
    make: ({ max, stats }, next) => {
      if (max === Number.POSITIVE_INFINITY) return next;
      if (!(max > 0)) throw new RangeError(`maxConcurrentRequests must be above 0, not ${max}`);
      return new ConcurrencyLimit(max, stats, next);
    },
  });
