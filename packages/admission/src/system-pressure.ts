// The one adapter of this package: the only file that reads how this process fares.
import { totalmem } from "node:os";
import type { IntervalHistogram } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { Clock } from "@weftmesh/core";
import type { EventLoopDelay, MemoryUse } from "./pressure.ts";

/** How often the runtime looks at its clock, in ms. */
const resolutionMs = 10;
/** What is told are the figures of the last span of this length that is over, in ms. */
const windowMs = 100;
const nanosecondsPerMs = 1e6;

/** Loaded by whoever watches the event loop, which few do. */
const perfHooks = (): typeof import("node:perf_hooks") => process.getBuiltinModule("node:perf_hooks");

class SystemEventLoopDelay implements EventLoopDelay {
  readonly #clock: Clock;
  readonly #histogram: IntervalHistogram = perfHooks().monitorEventLoopDelay({ resolution: resolutionMs });
  #sinceMs: number;
  #meanMs = 0;
  #maxMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.now();
    this.#histogram.enable();
  }

  get meanMs(): number {
    this.#take();
    return this.#meanMs;
  }

  get maxMs(): number {
    this.#take();
    return this.#maxMs;
  }

  close(): void {
    this.#histogram.disable();
  }

  /** Whoever asks sees the same, however many ask. */
  #take(): void {
    const nowMs = this.#clock.now();
    // In a loop that is blocked the runtime has seen nothing either.
    if (nowMs - this.#sinceMs < windowMs || this.#histogram.count === 0) return;
    this.#meanMs = delayMs(this.#histogram.mean);
    this.#maxMs = delayMs(this.#histogram.max);
    this.#histogram.reset();
    this.#sinceMs = nowMs;
  }
}

/** The runtime notes how long it was from one look to the next. */
function delayMs(spanNs: number): number {
  return Math.max(spanNs / nanosecondsPerMs - resolutionMs, 0);
}

/** Watches this process's event loop until it is closed. Keeps no process alive. */
export function systemEventLoopDelay(clock: Clock): EventLoopDelay & { close(): void } {
  return new SystemEventLoopDelay(clock);
}

export interface SystemMemoryUseOptions {
  /** Bytes that the process may have; what its container or machine has if not given. */
  readonly limitBytes?: number;
}

/** Reads this process's memory: the heap by the limit of its engine, or the whole by its own, whichever is fuller. */
export function systemMemoryUse(options?: SystemMemoryUseOptions): MemoryUse {
  const limitBytes =
    options?.limitBytes ?? Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return {
    get ratio(): number {
      const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
      return Math.max(used / limit, process.memoryUsage.rss() / limitBytes);
    },
  };
}
