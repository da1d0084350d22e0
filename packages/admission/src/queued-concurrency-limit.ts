import {
  asError,
  CancelledError,
  type Clock,
  ClosedError,
  type Ctx,
  type Observer,
  type Service,
  type Status,
  worst,
} from "@weftmesh/core";
import type { Counter, Stat, StatsReceiver } from "@weftmesh/telemetry";
import { OverloadedError, QueueTooLongError } from "./errors.ts";
import { type PendingCall, PendingCalls } from "./pending-calls.ts";
import { ServiceRate } from "./service-rate.ts";

interface Settings {
  readonly max: number;
  readonly maxPending: number;
  readonly lifoAfterMs: number;
  readonly clock: Clock;
  readonly stats: StatsReceiver;
}

/**
 * A limit whose surplus waits. A place that becomes free goes to one of those that wait and to nobody else, so as long
 * as anybody waits every place is taken.
 */
export class QueuedConcurrencyLimit<Req, Rep> implements Service<Req, Rep>, Observer {
  readonly #settings: Settings;
  readonly #next: Service<Req, Rep>;
  readonly #pending: PendingCalls<Req, Rep>;
  readonly #rate: ServiceRate = new ServiceRate();
  readonly #rejected: Counter;
  readonly #expired: Counter;
  readonly #waitMs: Stat;
  readonly #gauges: readonly (() => void)[];
  #active = 0;
  /** Since when somebody has been waiting without a break; means nothing while nobody is. */
  #waitingSinceMs = 0;
  #closed = false;

  constructor(settings: Settings, next: Service<Req, Rep>) {
    const { clock, stats } = settings;
    this.#settings = settings;
    this.#next = next;
    this.#pending = new PendingCalls(clock, () => this.#expired.inc());
    this.#rejected = stats.counter("request_queue", "rejected");
    this.#expired = stats.counter("request_queue", "expired");
    this.#waitMs = stats.stat("request_queue", "wait_ms");
    this.#gauges = [
      stats.gauge(() => this.#active, "request_concurrency"),
      stats.gauge(() => this.#pending.size, "request_queue_size"),
    ];
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#active >= this.#settings.max) return this.#wait(req, ctx);
    if (++this.#active >= this.#settings.max) this.#rate.begin(this.#settings.clock.now());
    ctx.observe(this);
    try {
      return this.#next.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  #wait(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#closed) return Promise.reject(new ClosedError("the queue of calls"));
    const { max, maxPending, clock } = this.#settings;
    const nowMs = clock.now();
    const refusal = this.#pending.refusal(ctx, nowMs);
    if (refusal !== undefined) return Promise.reject(refusal);
    const remainingMs = ctx.deadline - nowMs;
    const newestFirst = this.#newestFirst(nowMs);
    const expectedMs = this.#rate.expectedWaitMs(newestFirst ? 0 : this.#pending.size, nowMs);
    if (expectedMs > remainingMs) {
      this.#rejected.inc();
      return Promise.reject(new QueueTooLongError(expectedMs, remainingMs));
    }
    if (this.#pending.size >= maxPending) {
      this.#rejected.inc();
      if (!newestFirst) return Promise.reject(new OverloadedError(max, maxPending));
      this.#pending.takeOldest()?.reject(new OverloadedError(max, maxPending));
    } else if (this.#pending.size === 0) this.#waitingSinceMs = nowMs;
    return this.#pending.wait(req, ctx, nowMs);
  }

  /** Whether calls have been waiting for so long without a break that first come is not first served; if any are. */
  #newestFirst(nowMs: number): boolean {
    return nowMs - this.#waitingSinceMs >= this.#settings.lifoAfterMs;
  }

  onEnd(): void {
    if (this.#active < this.#settings.max) {
      this.#active--;
      return;
    }
    const nowMs = this.#settings.clock.now();
    this.#rate.ended(nowMs);
    const call = this.#takeTurn(nowMs);
    if (call === undefined) {
      this.#active--;
      return;
    }
    this.#waitMs.add(nowMs - call.sinceMs);
    call.ctx.observe(this);
    call.send(this.#next);
  }

  /** The call whose turn it is, if there is one that can still be sent. */
  #takeTurn(nowMs: number): PendingCall<Req, Rep> | undefined {
    for (;;) {
      const call = this.#newestFirst(nowMs) ? this.#pending.takeNewest() : this.#pending.takeOldest();
      if (call === undefined) return undefined;
      if (call.ctx.ended) call.reject(new CancelledError());
      else if (this.#pending.isDue(call, nowMs)) return call;
    }
  }

  /** `busy` while the next call would be refused. */
  get status(): Status {
    const full = this.#pending.size >= this.#settings.maxPending;
    return full ? worst("busy", this.#next.status) : this.#next.status;
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const remove of this.#gauges) remove();
    this.#pending.failAll(new ClosedError("the queue of calls"));
    return this.#next.close();
  }
}
