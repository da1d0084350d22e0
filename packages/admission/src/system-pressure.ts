// The one adapter of this package: the only file that reads how this process fares.
import { totalmem } from "node:os";
import type { IntervalHistogram } from "node:perf_hooks";
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
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

const mb = 1024 * 1024;
/** Of what V8 calls the limit of the heap, three such belong to new objects alone; a heap is full without them. */
const defaultSemiSpaceMb = 16;
const youngSpaces = new Set(["new_space", "new_large_object_space", "read_only_space"]);

/** Bytes that V8 sets aside for new objects, by the options that it was started with. */
export function youngLimitBytes(options: readonly string[]): number {
  let semiSpaceMb = defaultSemiSpaceMb;
  for (const option of options) {
    const given = /^--max[-_]semi[-_]space[-_]size=(\d+)$/.exec(option)?.[1];
    if (given !== undefined && Number(given) > 0) semiSpaceMb = Number(given);
  }
  return 3 * semiSpaceMb * mb;
}

/** Where objects go that stay, which is the part of the heap that ends a process when it is full. */
function oldHeapUsedBytes(): number {
  let used = 0;
  for (const space of getHeapSpaceStatistics()) if (!youngSpaces.has(space.space_name)) used += space.space_used_size;
  return used;
}

/** Reads this process's memory: the heap by the limit of its engine, or the whole by its own, whichever is fuller. */
export function systemMemoryUse(options?: SystemMemoryUseOptions): MemoryUse {
  const limitBytes =
    options?.limitBytes ?? Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  const started = [...(process.env["NODE_OPTIONS"] ?? "").split(/\s+/), ...process.execArgv];
  const heapLimitBytes = getHeapStatistics().heap_size_limit;
  const oldLimitBytes = Math.max(heapLimitBytes - youngLimitBytes(started), heapLimitBytes / 4);
  return {
    get ratio(): number {
      return Math.max(oldHeapUsedBytes() / oldLimitBytes, process.memoryUsage.rss() / limitBytes);
    },
  };
}
