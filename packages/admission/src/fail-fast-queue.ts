import {
  asError,
  CancelledError,
  type Clock,
  ClockParam,
  ClosedError,
  type Ctx,
  defineModule,
  type Module,
  type Param,
  param,
  type Role,
  role,
  type Service,
  type Status,
  type Timer,
} from "@weftmesh/core";
import { type Counter, type Stat, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { QueueFailFastError, QueueFullError } from "./errors.ts";
import { type Gate, GateParam } from "./gate.ts";
import { PendingCalls } from "./pending-calls.ts";

export const FailFastQueueRole: Role = role("failFastQueue");

/** Calls that may wait for the service to be available: a whole number; 0 leaves the module out. Linkerd 2 has 10,000. */
export const QueueCapacity: Param<number> = param("queueCapacity", 0);

/** How long the service may be unavailable before calls are refused at once, in ms. Linkerd 2: 3,000 out, 1,000 in. */
export const FailFastTimeoutMs: Param<number> = param("failFastTimeoutMs", 3000);

/** How often a service is asked whether it is available, while calls wait for it. */
const pollMs = 10;

interface Settings {
  readonly capacity: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly gate: Gate | undefined;
  readonly stats: StatsReceiver;
}

class FailFastQueue<Req, Rep> implements Service<Req, Rep> {
  readonly #settings: Settings;
  readonly #next: Service<Req, Rep>;
  readonly #pending: PendingCalls<Req, Rep>;
  readonly #full: Counter;
  readonly #expired: Counter;
  readonly #failed: Counter;
  readonly #shut: Counter;
  readonly #opened: Counter;
  readonly #waitMs: Stat;
  /** Take away the gauges and the gate's listener. */
  readonly #removals: readonly (() => void)[];
  readonly #check: () => void = () => this.#look();
  /** When the service was first found not to be available, of late. */
  #unavailableSinceMs: number | undefined = undefined;
  #failingFast = false;
  #timer: Timer | undefined = undefined;
  #looking = false;
  #closed = false;

  constructor(settings: Settings, next: Service<Req, Rep>) {
    const { clock, gate, stats } = settings;
    this.#settings = settings;
    this.#next = next;
    this.#pending = new PendingCalls(clock, () => this.#expired.inc());
    this.#full = stats.counter("failfast_queue", "full");
    this.#expired = stats.counter("failfast_queue", "expired");
    this.#failed = stats.counter("failfast_queue", "failed");
    this.#shut = stats.counter("failfast_queue", "shut");
    this.#opened = stats.counter("failfast_queue", "opened");
    this.#waitMs = stats.stat("failfast_queue", "wait_ms");
    this.#removals = [
      stats.gauge(() => this.#pending.size, "failfast_queue", "length"),
      stats.gauge(() => (this.#failingFast && this.#busy() ? 1 : 0), "failfast_queue", "failing_fast"),
      ...(gate === undefined ? [] : [gate.onChange(this.#check)]),
    ];
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    try {
      // Those that wait go first, if it is their turn by now.
      if (this.#pending.size > 0) this.#look();
      if (this.#pending.size > 0 || this.#busy()) return this.#wait(req, ctx);
      if (this.#unavailableSinceMs !== undefined) this.#available();
      return this.#next.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  /** A service that is closed is not waited for: it says so itself. */
  #busy(): boolean {
    return this.#next.status === "busy";
  }

  #wait(req: Req, ctx: Ctx): Promise<Rep> {
    if (this.#closed) return Promise.reject(new ClosedError("the queue of calls"));
    const nowMs = this.#settings.clock.now();
    const refusal = this.#pending.refusal(ctx, nowMs) ?? this.#refusal(nowMs);
    if (refusal !== undefined) return Promise.reject(refusal);
    const waiting = this.#pending.wait(req, ctx, nowMs);
    this.#unavailableSinceMs ??= nowMs;
    if (this.#pending.size === 1) this.#arm(nowMs);
    return waiting;
  }

  #refusal(nowMs: number): Error | undefined {
    if (this.#failingFast) {
      this.#failed.inc();
      return this.#failFastError(nowMs);
    }
    if (this.#pending.size < this.#settings.capacity) return undefined;
    this.#full.inc();
    return new QueueFullError(this.#settings.capacity);
  }

  #failFastError(nowMs: number): QueueFailFastError {
    return new QueueFailFastError(nowMs - (this.#unavailableSinceMs ?? nowMs));
  }

  /** Sends on what may go, and decides what becomes of the rest. */
  #look(): void {
    // A call that is sent on may change the gate, which asks for another look: this one is not over.
    if (this.#looking || this.#unavailableSinceMs === undefined) return;
    this.#looking = true;
    const nowMs = this.#settings.clock.now();
    if (this.#sendAll(nowMs)) this.#unavailableSinceMs = nowMs;
    this.#looking = false;
    if (!this.#busy()) this.#available();
    else if (!this.#failingFast && nowMs - this.#unavailableSinceMs >= this.#settings.timeoutMs) this.#failFast(nowMs);
    else if (!this.#failingFast) this.#arm(nowMs);
  }

  /** Whether any was sent. */
  #sendAll(nowMs: number): boolean {
    let sent = false;
    while (this.#pending.size > 0 && !this.#busy()) {
      const call = this.#pending.takeOldest();
      if (call === undefined) break;
      if (call.ctx.ended) call.reject(new CancelledError());
      else if (this.#pending.isDue(call, nowMs)) {
        sent = true;
        this.#waitMs.add(nowMs - call.sinceMs);
        call.send(this.#next);
      }
    }
    return sent;
  }

  #available(): void {
    this.#timer?.cancel();
    this.#unavailableSinceMs = undefined;
    if (!this.#failingFast) return;
    this.#failingFast = false;
    this.#opened.inc();
  }

  #failFast(nowMs: number): void {
    this.#timer?.cancel();
    this.#failingFast = true;
    this.#shut.inc();
    this.#failed.inc(this.#pending.size);
    this.#pending.failAll(this.#failFastError(nowMs));
  }

  /** Looks again soon while anybody waits, and in any case when the time is up. */
  #arm(nowMs: number): void {
    this.#timer?.cancel();
    const leftMs = (this.#unavailableSinceMs ?? nowMs) + this.#settings.timeoutMs - nowMs;
    const nextMs = this.#pending.size > 0 ? Math.min(pollMs, leftMs) : leftMs;
    if (nextMs !== Number.POSITIVE_INFINITY) this.#timer = this.#settings.clock.after(nextMs, this.#check);
  }

  /** `open` as well while a call would only have to wait. */
  get status(): Status {
    const { status } = this.#next;
    if (status !== "busy") return status;
    return this.#failingFast || this.#pending.size >= this.#settings.capacity ? "busy" : "open";
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#unavailableSinceMs = undefined;
    this.#timer?.cancel();
    for (const remove of this.#removals) remove();
    this.#pending.failAll(new ClosedError("the queue of calls"));
    return this.#next.close();
  }
}

/**
 * Lets calls wait while the service below is busy, and refuses them at once when it has been so for too long.
 *
 * Shape: the service is asked for its status before each call, and from time to time while calls wait; with `GateParam`
 * each change of the gate is heard at once. First come, first served; a call that waits leaves when it is cancelled or
 * its deadline passes. After `failFastTimeoutMs` without an available service all that wait are refused, and those that
 * come are too until it is available again. Its own status is `busy` only then, and while the queue is full.
 * Errors: `WEFT_QUEUE_FULL` and `WEFT_QUEUE_FAILFAST`, flagged rejected and retryable; `WEFT_QUEUE_DEADLINE`, flagged
 * rejected and deadlineExceeded; `WEFT_CLOSED` for those that wait when it is closed. RangeError for parameters that
 * are no limit, when the stack is built.
 * Cost: the status of the service, per call; a call that waits takes a promise.
 * Source: the queue and fail-fast of linkerd2-proxy, where readiness is pushed and not asked for.
 */
export const failFastQueue: <Req, Rep>() => Module<Service<Req, Rep>> = <Req, Rep>() =>
  defineModule<
    Service<Req, Rep>,
    {
      capacity: typeof QueueCapacity;
      timeoutMs: typeof FailFastTimeoutMs;
      gate: typeof GateParam;
      clock: typeof ClockParam;
      stats: typeof StatsParam;
    }
  >({
    role: FailFastQueueRole,
    description: "Lets calls wait while the service is busy, and refuses them at once when that takes too long",
    params: {
      capacity: QueueCapacity,
      timeoutMs: FailFastTimeoutMs,
      gate: GateParam,
      clock: ClockParam,
      stats: StatsParam,
    },
    make: ({ capacity, timeoutMs, gate, clock, stats }, next) => {
      if (capacity === 0) return next;
      if (!(capacity > 0)) throw new RangeError(`queueCapacity must not be below 0: ${capacity}`);
      if (!(timeoutMs > 0)) throw new RangeError(`failFastTimeoutMs must be above 0: ${timeoutMs}`);
      return new FailFastQueue({ capacity, timeoutMs, gate, clock, stats }, next);
    },
  });
