import type { Timer } from "./clock.ts";

/** What drives a wheel: one real timer at a time. */
export interface WheelDriver {
  now(): number;
  /** Calls `wake` after `ms`; a second call replaces the first. */
  wakeAfter(ms: number, wake: () => void): void;
  sleep(): void;
}

const slots = 512;

class Entry implements Timer {
  readonly dueMs: number;
  fn: (() => void) | undefined;
  previous: Entry | undefined = undefined;
  next: Entry | undefined = undefined;
  readonly #wheel: TimerWheel;

  constructor(wheel: TimerWheel, dueMs: number, fn: () => void) {
    this.#wheel = wheel;
    this.dueMs = dueMs;
    this.fn = fn;
  }

  cancel(): void {
    if (this.fn === undefined) return;
    this.fn = undefined;
    this.#wheel.unlink(this);
  }
}

/**
 * Timers by the million for the price of one: a hashed wheel of 512 slots.
 *
 * Units: a timer fires at the first tick at or after its due time, so up to `tickMs` late and never early.
 * Cost: set and cancel are O(1); a wake visits one slot per elapsed tick, at most all of them.
 * The wheel sleeps until the next slot that holds a timer, and not at all while it is empty.
 */
export class TimerWheel {
  readonly #driver: WheelDriver;
  readonly #tickMs: number;
  readonly #heads: (Entry | undefined)[] = new Array<Entry | undefined>(slots).fill(undefined);
  readonly #wake: () => void = () => this.#run();
  /** The last tick whose slot was visited. */
  #tick: number;
  /** The tick for which the driver is set; `Infinity` when it is not. */
  #wakeTick: number = Number.POSITIVE_INFINITY;
  #size = 0;
  #running = false;

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
    const now = this.#driver.now();
    if (this.#size === 0 && !this.#running) this.#tick = Math.floor(now / this.#tickMs);
    const entry = new Entry(this, now + Math.max(afterMs, 0), fn);
    const tick = this.#tickOf(entry);
    const slot = tick % slots;
    const head = this.#heads[slot];
    entry.next = head;
    if (head !== undefined) head.previous = entry;
    this.#heads[slot] = entry;
    this.#size++;
    if (tick < this.#wakeTick && !this.#running) this.#wakeAt(tick, now);
    return entry;
  }

  unlink(entry: Entry): void {
    if (entry.previous !== undefined) entry.previous.next = entry.next;
    else this.#heads[this.#tickOf(entry) % slots] = entry.next;
    if (entry.next !== undefined) entry.next.previous = entry.previous;
    // The entry keeps its own `next`: a visit of its slot may stand on it.
    if (--this.#size === 0 && !this.#running) {
      this.#wakeTick = Number.POSITIVE_INFINITY;
      this.#driver.sleep();
    }
  }

  /** The first tick at or after the due time that has not been visited yet. */
  #tickOf(entry: Entry): number {
    return Math.max(Math.ceil(entry.dueMs / this.#tickMs), 0);
  }

  #wakeAt(tick: number, now: number): void {
    this.#wakeTick = tick;
    this.#driver.wakeAfter(Math.max(tick * this.#tickMs - now, 0), this.#wake);
  }

  #run(): void {
    const now = this.#driver.now();
    const last = Math.floor(now / this.#tickMs);
    this.#running = true;
    this.#wakeTick = Number.POSITIVE_INFINITY;
    const from = Math.max(this.#tick, last - slots + 1);
    for (let tick = from; tick <= last; tick++) this.#visit(tick % slots, now);
    this.#tick = last;
    this.#running = false;
    if (this.#size === 0) return;
    const next = this.#nextTick(last);
    this.#wakeAt(next, this.#driver.now());
  }

  #visit(slot: number, now: number): void {
    for (let entry = this.#heads[slot]; entry !== undefined; entry = entry.next) {
      const fn = entry.fn;
      if (fn === undefined || entry.dueMs > now) continue;
      entry.fn = undefined;
      this.unlink(entry);
      fn();
    }
  }

  /** The first tick after `tick` whose slot holds anything; it may hold timers of a later turn only. */
  #nextTick(tick: number): number {
    for (let ahead = 1; ahead < slots; ahead++)
      if (this.#heads[(tick + ahead) % slots] !== undefined) return tick + ahead;
    return tick + slots;
  }
}
