// The one adapter: the only file that reads the machine's time and chance.
// biome-ignore-all lint/style/noRestrictedGlobals: this is the adapter that the rule points to
import type { Clock, Timer } from "./clock.ts";
import type { Rng } from "./rng.ts";
import { TimerWheel } from "./timer-wheel.ts";
import { TurnTime } from "./turn-time.ts";

/** Fine enough for timeouts in ms, and coarse enough that a busy wheel wakes 250 times a second at most. */
const tickMs = 4;

/** As `performance.now`, without loading what else is in `perf_hooks`. */
function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

class SystemClock implements Clock {
  readonly #time = new TurnTime(monotonicMs, (fn) => setImmediate(fn));
  #real: NodeJS.Timeout | undefined;
  readonly #wheel = new TimerWheel(
    {
      now: monotonicMs,
      wakeAfter: (ms, wake) => {
        clearTimeout(this.#real);
        // Node rounds down to whole milliseconds; one early wake would only cost another.
        this.#real = setTimeout(wake, Math.ceil(ms));
      },
      sleep: () => clearTimeout(this.#real),
    },
    tickMs,
  );

  now(): number {
    return this.#time.now();
  }

  epochMs(): number {
    return Date.now();
  }

  after(ms: number, fn: () => void): Timer {
    return this.#wheel.set(ms, fn);
  }
}

export const systemClock: Clock = new SystemClock();
export const systemRng: Rng = { next: Math.random };
