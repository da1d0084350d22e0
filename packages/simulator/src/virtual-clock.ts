import { setImmediate as nextTurn } from "node:timers";
import type { Clock, Timer } from "@weftmesh/core";
import { EventHeap, type HeapEvent } from "./event-heap.ts";

/** Events between two turns of the process's own loop, which signals and output wait for. */
const eventsPerTurn = 8192;
const settled: Promise<void> = Promise.resolve();

class VirtualTimer implements Timer, HeapEvent {
  at = -1;
  readonly dueMs: number;
  readonly order: number;
  readonly fn: () => void;
  readonly #heap: EventHeap<VirtualTimer>;

  constructor(heap: EventHeap<VirtualTimer>, dueMs: number, order: number, fn: () => void) {
    this.#heap = heap;
    this.dueMs = dueMs;
    this.order = order;
    this.fn = fn;
  }

  cancel(): void {
    this.#heap.delete(this);
  }
}

export interface VirtualClockOptions {
  /** What `now` says first; 0 if not given. */
  readonly startMs?: number;
  /** The calendar's time at that moment; 2020-01-01 UTC if not given. */
  readonly epochMs?: number;
}

/**
 * Time that passes as fast as its events can be worked off.
 *
 * Shape: `run` fires what is due by due time, then in the order in which it was set. Before each event every promise
 * that can settle has settled, and all that follows from it has been done, however long the chain: so an event never
 * overtakes the consequences of the one before. A timer never fires within `after`, not even at 0 ms.
 * Cost: an event is one pop of a heap, one microtask and one tick, about 0.2 us. Node runs its microtasks until none
 * is left between two ticks, so a tick that is asked for by a microtask comes after all of them: that is all the
 * waiting there is. A turn of the loop for each event would cost six times as much, and takes place every so often only.
 */
export class VirtualClock implements Clock {
  #nowMs: number;
  #untilMs: number;
  readonly #originMs: number;
  readonly #epochMs: number;
  readonly #heap = new EventHeap<VirtualTimer>();
  #order = 0;
  #fired = 0;
  #sinceTurn = 0;
  #stopping = false;
  #finish: ((thrown?: { readonly error: unknown }) => void) | undefined;
  readonly #step: () => void = () => this.#fireNext();
  readonly #tick: () => void = () => process.nextTick(this.#step);

  constructor(options: VirtualClockOptions = {}) {
    this.#nowMs = options.startMs ?? 0;
    this.#untilMs = this.#nowMs;
    this.#originMs = this.#nowMs;
    this.#epochMs = options.epochMs ?? 1_577_836_800_000;
  }

  now(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#epochMs + Math.floor(this.#nowMs - this.#originMs);
  }

  after(ms: number, fn: () => void): Timer {
    if (Number.isNaN(ms)) throw new RangeError("a timer was set for NaN ms");
    const timer = new VirtualTimer(this.#heap, this.#nowMs + Math.max(ms, 0), this.#order++, fn);
    this.#heap.add(timer);
    return timer;
  }

  /** Timers that are set and neither fired nor cancelled. */
  get armed(): number {
    return this.#heap.size;
  }

  /** Events so far. */
  get fired(): number {
    return this.#fired;
  }

  /**
   * Lets time pass until `untilMs`, whose own events are included, or until `stop`; with `Infinity` until nothing is
   * due any more. What a timer throws comes out here, with time standing where it was thrown.
   */
  run(untilMs: number): Promise<void> {
    if (this.#finish !== undefined) return Promise.reject(new TypeError("the clock is running already"));
    if (!(untilMs >= this.#nowMs)) {
      return Promise.reject(new RangeError(`time does not go back: run(${untilMs}) at ${this.#nowMs} ms`));
    }
    this.#untilMs = untilMs;
    this.#stopping = false;
    return new Promise((resolve, reject) => {
      this.#finish = (thrown) => {
        this.#finish = undefined;
        if (thrown === undefined) resolve();
        else reject(thrown.error);
      };
      this.#settle();
    });
  }

  /** Ends the run once the present event and what follows from it is done; time stays where it is. */
  stop(): void {
    this.#stopping = true;
  }

  #settle(): void {
    if (++this.#sinceTurn >= eventsPerTurn) {
      this.#sinceTurn = 0;
      nextTurn(this.#step);
      return;
    }
    // The chain of this promise is empty, so that nothing rejects or is waited for here.
    void settled.then(this.#tick);
  }

  #fireNext(): void {
    const timer = this.#heap.first;
    if (this.#stopping || timer === undefined || timer.dueMs > this.#untilMs || timer.dueMs === Infinity) {
      if (!this.#stopping && this.#untilMs !== Number.POSITIVE_INFINITY) this.#nowMs = this.#untilMs;
      this.#finish?.();
      return;
    }
    this.#heap.delete(timer);
    this.#nowMs = timer.dueMs;
    this.#fired++;
    try {
      timer.fn();
    } catch (error) {
      this.#finish?.({ error });
      return;
    }
    this.#settle();
  }
}
