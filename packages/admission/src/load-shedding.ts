import {
  asError,
  type Clock,
  ClockParam,
  type Ctx,
  type CtxKey,
  ctxKey,
  defineModule,
  type Module,
  type Param,
  param,
  type Rng,
  RngParam,
  type Role,
  role,
  type Service,
  type Status,
  type Timer,
} from "@weftmesh/core";
import { type Counter, StatsParam, type StatsReceiver } from "@weftmesh/telemetry";
import { LoadShedError } from "./errors.ts";
import {
  checkThresholds,
  type EventLoopDelay,
  type MemoryUse,
  Pressure,
  pressureOf,
  type Thresholds,
} from "./pressure.ts";

export const LoadSheddingRole: Role = role("loadShedding");

/** How much a request matters: whole numbers from 0, of which the lowest is given up first. */
export const PriorityKey: CtxKey<number> = ctxKey<number>("priority", 0);

export interface LoadSheddingOptions {
  /** Not watched if not given. */
  readonly eventLoopDelay?: EventLoopDelay;
  /** ms; 50, 100 and 1,000 if not given. */
  readonly eventLoopDelayMs?: Thresholds;
  /** Not watched if not given. */
  readonly memoryUse?: MemoryUse;
  /** Ratios; 0.8, 0.9 and 0.97 if not given. */
  readonly memoryRatio?: Thresholds;
  /** ms between two looks at the monitors; 100 if not given. */
  readonly intervalMs?: number;
  /** Share of all requests by which more is refused at each look under pressure; 0.1 if not given. */
  readonly increase?: number;
  /** Share of all requests by which less is refused at each look without; 0.05 if not given. */
  readonly decrease?: number;
  /** Priorities that are told apart: 1 if not given. Higher ones count as the highest. */
  readonly priorities?: number;
  /** The priority of a request; that of `PriorityKey` if not given. */
  readonly priorityOf?: (req: unknown, ctx: Ctx) => number;
  /** Whether a request is never refused, as a health check must not be; none if not given. */
  readonly isExempt?: (req: unknown, ctx: Ctx) => boolean;
}

/** Undefined, or options without a monitor, leave the module out. */
export const LoadSheddingParam: Param<LoadSheddingOptions | undefined> = param<LoadSheddingOptions | undefined>(
  "loadShedding",
  undefined,
  (options) =>
    options && {
      eventLoopDelayMs: options.eventLoopDelay && (options.eventLoopDelayMs ?? defaultDelayMs),
      memoryRatio: options.memoryUse && (options.memoryRatio ?? defaultRatio),
      priorities: options.priorities ?? 1,
    },
);

const defaultDelayMs: Thresholds = { low: 50, high: 100, full: 1000 };
const defaultRatio: Thresholds = { low: 0.8, high: 0.9, full: 0.97 };
/** A share is counted in steps of this size, so that what was added can be taken away again without a rest. */
const steps = 10_000;

class LoadShedding<Req, Rep> implements Service<Req, Rep> {
  readonly #options: LoadSheddingOptions;
  readonly #delayMs: Thresholds;
  readonly #ratio: Thresholds;
  readonly #intervalMs: number;
  readonly #increase: number;
  readonly #decrease: number;
  readonly #priorities: number;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #next: Service<Req, Rep>;
  readonly #shed: Counter;
  readonly #gauges: readonly (() => void)[];
  /** The share of all requests that is refused, in steps. */
  #share = 0;
  /** Whether the monitors are looked at: not while no request comes and none is refused. */
  #watching = false;
  /** Whether a request came since they were looked at last. */
  #asked = false;
  readonly #look: () => void = () => this.#tick();
  #timer: Timer | undefined = undefined;

  constructor(options: LoadSheddingOptions, clock: Clock, rng: Rng, stats: StatsReceiver, next: Service<Req, Rep>) {
    this.#options = options;
    this.#delayMs = options.eventLoopDelayMs ?? defaultDelayMs;
    this.#ratio = options.memoryRatio ?? defaultRatio;
    this.#intervalMs = options.intervalMs ?? 100;
    this.#increase = stepsOf("increase", options.increase ?? 0.1);
    this.#decrease = stepsOf("decrease", options.decrease ?? 0.05);
    this.#priorities = options.priorities ?? 1;
    checkThresholds("eventLoopDelayMs", this.#delayMs);
    checkThresholds("memoryRatio", this.#ratio);
    if (!(this.#intervalMs > 0)) throw new RangeError(`loadShedding: intervalMs must be above 0: ${this.#intervalMs}`);
    if (!Number.isInteger(this.#priorities) || this.#priorities < 1) {
      throw new RangeError(`loadShedding: priorities must be a whole number above 0, not ${this.#priorities}`);
    }
    this.#clock = clock;
    this.#rng = rng;
    this.#next = next;
    this.#shed = stats.counter("load_shedding", "shed");
    const { eventLoopDelay, memoryUse } = options;
    this.#gauges = [
      stats.gauge(() => this.#share / steps, "load_shedding", "share"),
      ...(eventLoopDelay === undefined
        ? []
        : [
            stats.gauge(() => eventLoopDelay.meanMs, "load_shedding", "event_loop_delay_ms"),
            stats.gauge(() => eventLoopDelay.maxMs, "load_shedding", "event_loop_delay_max_ms"),
          ]),
      ...(memoryUse === undefined ? [] : [stats.gauge(() => memoryUse.ratio, "load_shedding", "memory_ratio")]),
    ];
  }

  call(req: Req, ctx: Ctx): Promise<Rep> {
    try {
      this.#asked = true;
      if (!this.#watching) this.#watch();
      if (this.#share > 0) {
        const share = this.#shareOf(req, ctx);
        if (share > 0 && this.#rng.next() < share && this.#options.isExempt?.(req, ctx) !== true) {
          this.#shed.inc();
          return Promise.reject(new LoadShedError(share));
        }
      }
      return this.#next.call(req, ctx);
    } catch (thrown) {
      return Promise.reject(asError(thrown));
    }
  }

  /** The share of the requests of this one's priority that is refused: all of a lower one go before any of it. */
  #shareOf(req: Req, ctx: Ctx): number {
    const { priorityOf } = this.#options;
    const priority = priorityOf === undefined ? ctx.get(PriorityKey) : priorityOf(req, ctx);
    // Whatever is no number counts as the lowest.
    const own = priority >= 1 ? Math.min(Math.floor(priority), this.#priorities - 1) : 0;
    return Math.min(Math.max((this.#share * this.#priorities) / steps - own, 0), 1);
  }

  /** Begins to look, at once and then from time to time. */
  #watch(): void {
    this.#watching = true;
    this.#adjust();
    this.#timer = this.#clock.after(this.#intervalMs, this.#look);
  }

  #tick(): void {
    this.#adjust();
    this.#watching = this.#asked || this.#share > 0;
    this.#asked = false;
    if (this.#watching) this.#timer = this.#clock.after(this.#intervalMs, this.#look);
  }

  #adjust(): void {
    const { eventLoopDelay, memoryUse } = this.#options;
    const ofLoop = eventLoopDelay === undefined ? Pressure.none : pressureOf(eventLoopDelay.meanMs, this.#delayMs);
    const ofMemory = memoryUse === undefined ? Pressure.none : pressureOf(memoryUse.ratio, this.#ratio);
    const pressure = Math.max(ofLoop, ofMemory);
    if (pressure === Pressure.full) this.#share = steps;
    else if (pressure === Pressure.high) this.#share = Math.min(this.#share + this.#increase, steps);
    else if (pressure === Pressure.none) this.#share = Math.max(this.#share - this.#decrease, 0);
  }

  get status(): Status {
    return this.#next.status;
  }

  close(): Promise<void> {
    // A call that comes all the same must not set the timer again.
    this.#watching = true;
    this.#timer?.cancel();
    for (const remove of this.#gauges) remove();
    return this.#next.close();
  }
}

function stepsOf(name: string, share: number): number {
  const count = Math.round(share * steps);
  if (count >= 1 && count <= steps) return count;
  throw new RangeError(`loadShedding: ${name} must be above 0 and not above 1: ${share}`);
}

/**
 * Refuses a share of the requests while this process is short of time or memory.
 *
 * Shape: the monitors are looked at from time to time. Each look under pressure makes the share larger, each without
 * makes it smaller, and between the two thresholds it stays; at the third everything is refused. Only requests that
 * come are refused, never one that is under way, so the youngest go first; with several priorities all of the lowest
 * go before any of the next. What is exempt is never refused. The same options may serve several stacks.
 * Errors: `WEFT_LOAD_SHED`, flagged rejected and retryable. RangeError for options that are out of range, when the
 * stack is built.
 * Cost: two fields are read and one is written per request while there is no pressure; one timer, and none while no
 * request comes.
 */
export const loadShedding: <Req, Rep>() => Module<Service<Req, Rep>> = <Req, Rep>() =>
  defineModule<
    Service<Req, Rep>,
    {
      options: typeof LoadSheddingParam;
      clock: typeof ClockParam;
      rng: typeof RngParam;
      stats: typeof StatsParam;
    }
  >({
    role: LoadSheddingRole,
    description: "Refuses a share of the requests while the process is short of time or memory",
    params: { options: LoadSheddingParam, clock: ClockParam, rng: RngParam, stats: StatsParam },
    make: ({ options, clock, rng, stats }, next) => {
      if (options?.eventLoopDelay === undefined && options?.memoryUse === undefined) return next;
      return new LoadShedding(options, clock, rng, stats, next);
    },
  });
