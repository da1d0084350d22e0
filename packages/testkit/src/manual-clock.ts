import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock, Timer } from "@weftmesh/core";

class ManualTimer implements Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly fn: () => void;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock, dueMs: number, order: number, fn: () => void) {
    this.#clock = clock;
    this.dueMs = dueMs;
    this.order = order;
    this.fn = fn;
  }

  cancel(): void {
    this.#clock.disarm(this);
  }
}

/**
 * Time that stands still until a test moves it.
 *
 * Shape: `advance` fires what is due by due time, then in the order in which it was set, and lets promises settle
 * before the first timer and after each; timers that are set meanwhile fire too when they fall due in the same step.
 * A timer never fires within `after`, not even at 0 ms.
 */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #originMs: number;
  readonly #epochMs: number;
  /** The last one fires first, so that firing is a pop. */
  readonly #timers: ManualTimer[] = [];
  #order = 0;

  /** `startMs` is what `now` says first, `epochMs` the calendar's time at that moment: 2020-01-01 UTC if not given. */
  constructor(startMs = 0, epochMs = 1_577_836_800_000) {
    this.#nowMs = startMs;
    this.#originMs = startMs;
    this.#epochMs = epochMs;
  }

  now(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#epochMs + Math.floor(this.#nowMs - this.#originMs);
  }

  after(ms: number, fn: () => void): Timer {
    const timer = new ManualTimer(this, this.#nowMs + Math.max(ms, 0), this.#order++, fn);
    this.#timers.splice(this.#indexOf(timer), 0, timer);
    return timer;
  }

  /** Timers that are set and neither fired nor cancelled. */
  get armed(): number {
    return this.#timers.length;
  }

  /** Moves time on by `ms`; what a timer throws comes out here, with time standing where it was thrown. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`time does not go back: advance(${ms})`);
    const untilMs = this.#nowMs + ms;
    await settle();
    for (let timer = this.#timers.at(-1); timer !== undefined && timer.dueMs <= untilMs; timer = this.#timers.at(-1)) {
      this.#timers.pop();
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.fn();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  /** What a timer's `cancel` does. */
  disarm(timer: Timer & { readonly dueMs: number; readonly order: number }): void {
    const at = this.#indexOf(timer);
    if (this.#timers[at] === timer) this.#timers.splice(at, 1);
  }

  /** Where the timer is, or would be. */
  #indexOf(timer: { readonly dueMs: number; readonly order: number }): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = this.#timers[middle] as ManualTimer;
      const firesLater = there.dueMs > timer.dueMs || (there.dueMs === timer.dueMs && there.order > timer.order);
      if (firesLater) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Lets every promise that can settle without time or input do so: a turn of the loop comes after all microtasks. */
export async function settle(): Promise<void> {
  await nextTurn();
}
