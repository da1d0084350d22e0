import {
  asError,
  ClockParam,
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
  worst,
} from "@weftmesh/core";
import { StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { OverloadedError } from "./errors.ts";
import { QueuedConcurrencyLimit } from "./queued-concurrency-limit.ts";

export const ConcurrencyLimitRole: Role = role("concurrencyLimit");

/** Calls that may be under way at once: a whole number above 0; `Infinity` leaves the module out. */
export const MaxConcurrentRequests: Param<number> = param("maxConcurrentRequests", Number.POSITIVE_INFINITY);

/** Calls that may wait for their turn once there are as many as may be: a whole number; 0 refuses at once, as Linkerd. */
export const MaxPending: Param<number> = param("maxPending", 0);

/** ms for which calls must have been waiting without a break before the newest goes first; `Infinity`: never. */
export const LifoAfterMs: Param<number> = param("lifoAfterMs", Number.POSITIVE_INFINITY);

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

  /** `busy` while the next call would be refused. */
  get status(): Status {
    return this.#active >= this.#max ? worst("busy", this.#next.status) : this.#next.status;
  }

  close(): Promise<void> {
    for (const remove of this.#gauges) remove();
    return this.#next.close();
  }
}

/**
 * Refuses calls beyond a limit: at once, or when as many as may are waiting for their turn.
 *
 * Shape: a call counts until it ends, which for a streamed answer is when its body does. A call that waits leaves when
 * it is cancelled or its deadline passes, and does not begin to wait when its turn is expected after its deadline, at
 * the pace that was measured. First come, first served; but once calls have been waiting for `lifoAfterMs` without a
 * break the newest goes first, which still has its time before it, and a full queue gives up its oldest for it.
 * Errors: `WEFT_OVERLOADED` and `WEFT_QUEUE_TOO_LONG`, flagged rejected and retryable; `WEFT_QUEUE_DEADLINE`, flagged
 * rejected and deadlineExceeded; `WEFT_CLOSED` for those that wait when it is closed. Parameters that are no limit
 * throw RangeError when the stack is built.
 * Cost: a compare, an increment and an observer that is there already; a call that waits takes a promise.
 * Source: Finagle RequestSemaphoreFilter; there no waiter looks at its deadline.
 */
export const concurrencyLimit: <Req, Rep>() => Module<Service<Req, Rep>> = <Req, Rep>() =>
  defineModule<
    Service<Req, Rep>,
    {
      max: typeof MaxConcurrentRequests;
      maxPending: typeof MaxPending;
      lifoAfterMs: typeof LifoAfterMs;
      clock: typeof ClockParam;
      stats: typeof StatsParam;
    }
  >({
    role: ConcurrencyLimitRole,
    description: "Refuses calls beyond the number that may be under way, and may wait, at once",
    params: {
      max: MaxConcurrentRequests,
      maxPending: MaxPending,
      lifoAfterMs: LifoAfterMs,
      clock: ClockParam,
      stats: StatsParam,
    },
    make: ({ max, maxPending, lifoAfterMs, clock, stats }, next) => {
      if (max === Number.POSITIVE_INFINITY) return next;
      if (!(max > 0)) throw new RangeError(`maxConcurrentRequests must be above 0, not ${max}`);
      if (!(maxPending >= 0)) throw new RangeError(`maxPending must not be below 0: ${maxPending}`);
      if (!(lifoAfterMs >= 0)) throw new RangeError(`lifoAfterMs must not be below 0: ${lifoAfterMs}`);
      if (maxPending === 0) return new ConcurrencyLimit(max, stats, next);
      return new QueuedConcurrencyLimit({ max, maxPending, lifoAfterMs, clock, stats }, next);
    },
  });
