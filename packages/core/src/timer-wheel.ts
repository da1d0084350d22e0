import type { Timer } from "./clock.ts";
import { SlotSet } from "./slot-set.ts";

/** What drives a wheel: one real timer at a time. */
export interface WheelDriver {
  now(): number;
  /** Calls `wake` after `ms`; a second call replaces the first. */
  wakeAfter(ms: number, wake: () => void): void;
  sleep(): void;
}

const slots = 512;
/** Some 30,000 years, for timers that are set for `Infinity`: ticks stay whole numbers. */
const longestMs = 1e15;

/** A timer in its slot's ring; each slot's ring begins and ends at an entry of its own that never fires. */
class Entry implements Timer {
  /** The tick at which it fires: the first one at or after its due time. */
  readonly tick: number;
  fn: (() => void) | undefined;
  previous: Entry = this;
  next: Entry = this;
  readonly #wheel: TimerWheel | undefined;

  constructor(wheel: TimerWheel | undefined, tick: number, fn: (() => void) | undefined) {
    this.#wheel = wheel;
    this.tick = tick;
    this.fn = fn;
  }

  cancel(): void {
    if (this.fn === undefined) return;
    this.fn = undefined;
    this.#wheel?.unlink(this);
  }
}

/**
 * Timers by the million for the price of one: a hashed wheel of 512 slots.
 *
 * Shape: timers of one tick fire in the order in which they were set. Among those that a late wake finds overdue by
 * more than a turn of the wheel there is no order. What a timer throws goes to the driver's caller; the others fire
 * at the next wake.
 * Units: a timer fires at the first tick at or after its due time, so up to one `tickMs` late and never early.
 * Cost: set and cancel are O(1); a wake visits those slots of the elapsed ticks that hold timers.
 * The wheel sleeps until the next slot that holds a timer, and not at all while it is empty.
 */
export class TimerWheel {
  readonly #driver: WheelDriver;
  readonly #tickMs: number;
  readonly #rings: readonly Entry[] = Array.from({ length: slots }, () => new Entry(undefined, 0, undefined));
  readonly #wake: () => void = () => this.#run();
  readonly #filled: SlotSet = new SlotSet(slots);
  /** The last tick whose slot was visited, or is being visited: a timer that is set now fires after it. */
  #tick: number;
  /** The tick for which the driver is set; `Infinity` when it is not. */
  #wakeTick: number = Number.POSITIVE_INFINITY;
  #size = 0;
  #running = false;
  /** Where a visit goes on: it moves when that very entry is cancelled. */
  #cursor: Entry | undefined;

  constructor(driver: WheelDriver, tickMs: number) {
    this.#driver = driver;
    this.#tickMs = tickMs;
    this.#tick = Math.floor(driver.now() / tickMs);
  }

  /** Timers that are set. */
  get size(): number {
    return this.#size;
  }

  set(afterMs: number, fn: () => void): Timer {
    if (Number.isNaN(afterMs)) throw new RangeError("a timer was set for NaN ms");
    const now = this.#driver.now();
    if (this.#size === 0 && !this.#running) this.#tick = Math.floor(now / this.#tickMs);
    // Never into the slot that is visited now, or was: it would wait for a whole turn.
    const tick = Math.max(Math.ceil((now + Math.min(Math.max(afterMs, 0), longestMs)) / this.#tickMs), this.#tick + 1);
    const entry = new Entry(this, tick, fn);
    const slot = tick % slots;
    const ring = this.#rings[slot] as Entry;
    this.#filled.add(slot);
    entry.previous = ring.previous;
    entry.next = ring;
    ring.previous.next = entry;
    ring.previous = entry;
    this.#size++;
    if (tick < this.#wakeTick && !this.#running) this.#wakeAt(tick, now);
    return entry;
  }

  /** What a timer's `cancel` does. */
  unlink(entry: Entry): void {
    if (entry === this.#cursor) this.#cursor = entry.next;
    if (entry.next === entry.previous) this.#filled.delete(entry.tick % slots);
    entry.previous.next = entry.next;
    entry.next.previous = entry.previous;
    // Whoever keeps a timer that is over must not keep its neighbours.
    entry.previous = entry;
    entry.next = entry;
    if (--this.#size === 0 && !this.#running) {
      this.#wakeTick = Number.POSITIVE_INFINITY;
      this.#driver.sleep();
    }
  }

  #wakeAt(tick: number, now: number): void {
    this.#wakeTick = tick;
    this.#driver.wakeAfter(Math.max(tick * this.#tickMs - now, 0), this.#wake);
  }

  #run(): void {
    const last = Math.floor(this.#driver.now() / this.#tickMs);
    this.#running = true;
    this.#wakeTick = Number.POSITIVE_INFINITY;
    try {
      // After more than a turn every slot is visited once, and gives up whatever is overdue in it.
      let tick = this.#filledFrom(Math.max(this.#tick + 1, last - slots + 1));
      while (tick <= last) {
        this.#tick = tick;
        this.#visit(this.#rings[tick % slots] as Entry, last);
        tick = this.#filledFrom(tick + 1);
      }
      this.#tick = Math.max(this.#tick, last);
    } catch (thrown) {
      // The slot is not done: the next wake comes back to it.
      this.#tick--;
      throw thrown;
    } finally {
      this.#running = false;
      this.#cursor = undefined;
      if (this.#size > 0) this.#wakeAt(this.#filledFrom(this.#tick + 1), this.#driver.now());
    }
  }

  #visit(ring: Entry, last: number): void {
    for (let entry = ring.next; entry !== ring; entry = this.#cursor as Entry) {
      this.#cursor = entry.next;
      const { fn } = entry;
      if (fn === undefined || entry.tick > last) continue;
      entry.fn = undefined;
      this.unlink(entry);
      fn();
    }
  }

  /** The first tick from this one on whose slot holds anything; it may hold timers of a later turn only. */
  #filledFrom(tick: number): number {
    const ahead = this.#filled.distance(tick % slots);
    return ahead < 0 ? Number.POSITIVE_INFINITY : tick + ahead;
  }
}
